"""What the platform and its libraries announce, written down: edits, sign-ins, and whose turn it is.

An edit of whatever keeps a history is heard here, by whichever door it came. Other acts are recorded by the
service that does them.
"""

from typing import Any

from axes.signals import user_locked_out
from celery.signals import task_postrun, task_prerun
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from simple_history.signals import post_create_historical_record

from controlplane.rows.history import VERBS, changed_together, values_of

from . import acting, recording
from .acting import Act
from .outcome import Outcome

NOBODY = "(no name)"


def begin() -> None:
    """Listen, from the start of the process to its end."""
    post_create_historical_record.connect(_edited)
    changed_together.connect(_edited_together)
    user_logged_in.connect(_signed_in)
    user_logged_out.connect(_signed_out)
    user_login_failed.connect(_refused_at_the_door)
    user_locked_out.connect(_locked_out)
    task_prerun.connect(_task_begins)
    task_postrun.connect(_task_ends)


def _edited(*, instance: Any, history_instance: Any, history_user: Any, **_: object) -> None:
    before = None if history_instance.history_type == "+" else history_instance.prev_record
    was, became = _differing(before, history_instance)
    recording.record(
        f"{_word(instance)}.{VERBS[history_instance.history_type]}",
        actor=history_user.get_username() if history_user is not None else None,
        target=_named(instance),
        before=was or None,
        after={**became, **_because(history_instance)} or None,
        team=team_of(instance),
    )


def _edited_together(*, sender: Any, rows: list[Any], kind: str, **_: object) -> None:
    """Many rows by one statement: who they were is kept, what each was before is in its history."""
    of = [(_named(row), team_of(row)) for row in rows]
    recording.record_each(f"{_word(sender)}.{VERBS[kind]}", of)


def _named(row: Any) -> str:
    """What kind of thing it is, and which: once, where its own words begin with the kind."""
    kind = str(row._meta.verbose_name)  # noqa: SLF001 - Django's documented way
    return str(row) if str(row).startswith(f"{kind} ") else f"{kind} {row}"


def _word(model: Any) -> str:
    """What a model is called in the name of an act: `image-exemption`."""
    return str(model._meta.verbose_name).replace(" ", "-")  # noqa: SLF001 - as above


def team_of(row: Any) -> str:
    """The team a row is of, by its name: its own if it is one; '' for what is of none."""
    if row._meta.label_lower == "tenants.team":  # noqa: SLF001 - as above
        return str(row.slug)
    team = getattr(row, "team", None)
    return "" if team is None else str(getattr(team, "slug", ""))


def _differing(before: Any, after: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs, as it was and as it became; all of a row that was made, or removed."""
    names = [(field.name, str(field.verbose_name)) for field in after.tracked_fields]
    was = {} if before is None else values_of(before, names)
    became = {} if after.history_type == "-" else values_of(after, names)
    fields = [name for name in {**was, **became} if was.get(name) != became.get(name)]
    return (
        {name: _plain(was[name]) for name in fields if name in was},
        {name: _plain(became[name]) for name in fields if name in became},
    )


def _plain(value: Any) -> Any:
    """JSON as it is, whatever else as people read it."""
    return value if isinstance(value, str | int | float | list | dict | None) else str(value)


def _because(record: Any) -> dict[str, str]:
    reason = record.history_change_reason
    return {"reason": reason} if reason else {}


def _signed_in(*, user: Any, **_: object) -> None:
    by = str(getattr(user, "backend", "")).rpartition(".")[2]
    name = user.get_username()
    recording.record("login", actor=name, target=f"person {name}", after={"by": by})


def _signed_out(*, user: Any, **_: object) -> None:
    if user is not None:
        name = user.get_username()
        recording.record("logout", actor=name, target=f"person {name}")


def _refused_at_the_door(*, credentials: dict[str, Any], **_: object) -> None:
    """Nobody did it: that it was who the name says is what could not be shown."""
    name = str(credentials.get("username") or NOBODY)
    recording.record("login.refused", actor="", target=f"person {name}", outcome=Outcome.DENIED)


def _locked_out(*, username: str | None, **_: object) -> None:
    recording.record(
        "login.locked_out", actor="", target=f"person {username or NOBODY}", outcome=Outcome.DENIED
    )


def _task_begins(*, task_id: str, task: Any, **_: object) -> None:
    name = str(task.name).rpartition(".")[2]
    acting.begin(Act(who=str, through=lambda: f"task {name}"[:60], request_id=str(task_id)))


def _task_ends(**_: object) -> None:
    act = acting.current()
    acting.end()
    if act is not None:
        recording.write_held(act)
