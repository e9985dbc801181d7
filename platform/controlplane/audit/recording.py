"""Writing down one act: who did (or tried) what, to what, and how it ended."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
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
    values = _values(action, actor=actor, target=target, team=team) | {
        "on_behalf_of": contents.text(on_behalf_of, most=NAME),
        "outcome": outcome,
        "before": contents.kept(before),
        "after": contents.kept(after),
    }
    act = acting.current()
    if outcome is not Outcome.DONE and act is not None:
        act.held.append(values)
    else:
        _write([values])


def record_each(
    action: str, of: Iterable[tuple[str, str]], *, actor: str | None = None, after: Json = None
) -> None:
    """The same done to many: each is a row, and all are one statement. `of`: targets, with their teams."""
    _write(
        [
            _values(action, actor=actor, target=target, team=team) | {"after": contents.kept(after)}
            for target, team in of
        ]
    )


def write_held(act: acting.Act) -> None:
    """What the act was denied. Once, and when its transactions are over: they would take it back."""
    held = act.held[:]
    act.held.clear()
    _write(held)


def _values(action: str, *, actor: str | None, target: str, team: str) -> dict[str, Any]:
    act = acting.current()
    if actor is None:
        actor = act.who() if act else ""
    return {
        "at": timezone.now(),
        "actor": contents.text(actor, most=NAME),
        "through": act.through() if act else "",
        "action": contents.text(action, most=ACTION),
        "target": contents.text(target, most=TARGET),
        "team": contents.text(team, most=NAME),
        "outcome": Outcome.DONE,
        "request_id": act.request_id if act else "",
        "address": act.address if act else "",
    }


def _write(rows: list[dict[str, Any]]) -> None:
    # Found by name: models of other apps import `record`, before any app's models are loaded.
    event = apps.get_model("audit", "Event")
    event.objects.bulk_create([event(**values) for values in rows])
