"""Writing down one act: who did (or tried) what, to what, and how it ended."""

from typing import Any

from django.apps import apps
from django.db import connection
from django.utils import timezone

from . import acting, contents
from .contents import Json
from .outcome import Outcome

NAME, TARGET, ACTION = 254, 500, 80  # characters that are kept of each


def record(
    action: str,
    *,
    actor: str | None = None,
    on_behalf_of: str = "",
    target: str,
    outcome: Outcome = Outcome.DONE,
    before: Json = None,
    after: Json = None,
    team: str = "",
) -> None:
    """Written in the transaction of what was done, so that neither is without the other.

    What was denied is written though the transaction around it is taken back: when the act is over.
    Who acted, through which door and from where is the act's (`acting`), unless an actor is named.
    """
    act = acting.current()
    if actor is None:
        actor = act.who() if act else ""
    values: dict[str, Any] = {
        "at": timezone.now(),
        "actor": contents.text(actor, most=NAME),
        "on_behalf_of": contents.text(on_behalf_of, most=NAME),
        "through": act.through() if act else "",
        "action": contents.text(action, most=ACTION),
        "target": contents.text(target, most=TARGET),
        "team": contents.text(team, most=NAME),
        "outcome": outcome,
        "before": contents.kept(before),
        "after": contents.kept(after),
        "request_id": act.request_id if act else "",
        "address": act.address if act else "",
    }
    if outcome is not Outcome.DONE and act is not None and connection.in_atomic_block:
        act.held.append(values)
    else:
        _write(values)


def write_held(act: acting.Act) -> None:
    """What the act was denied inside its transactions. Once: they are over by now."""
    while act.held:
        _write(act.held.pop(0))


def _write(values: dict[str, Any]) -> None:
    # Found by name: models of other apps import `record`, before any app's models are loaded.
    apps.get_model("audit", "Event").objects.create(**values)
