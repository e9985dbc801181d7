"""How long an ended workflow is listed: as long as its cluster keeps it; and so which windows are whole."""

from datetime import date, datetime, timedelta

from controlplane.index.reading import OUTCOMES
from provisioning.argo_config import Keep

from .templatetags.console import duration
from .workflow_filter import WINDOWS, Filter

ENDED = ("Succeeded", "Failed", "Error")


def words() -> str:
    """`Succeeded 1 d, Failed 7 d, Error 3 d`."""
    return ", ".join(f"{phase} {duration(Keep().after(phase))}" for phase in ENDED)


def shortest(asked: Filter) -> timedelta | None:
    """How far back a list of this is whole; None: what has not ended is not forgotten."""
    phases = [p for p in ENDED if not asked.outcome or p in OUTCOMES[asked.outcome]]
    if asked.phase:
        phases = [p for p in phases if p == asked.phase]
    return min((timedelta(seconds=Keep().after(phase)) for phase in phases), default=None)


def windows(asked: Filter) -> list[tuple[str, str]]:
    """The windows that are offered: those of which all rows are still there, and the one asked for."""
    whole = shortest(asked)
    return [
        (key, words)
        for key, (words, length) in WINDOWS.items()
        if whole is None or length <= whole or key in {asked.since, asked.finished}
    ]


def oldest(asked: Filter, now: datetime) -> date | None:
    """The first day that is offered; None: any, or another one is asked for already."""
    whole = shortest(asked)
    return None if whole is None or reaches_beyond(asked, now) else (now - whole).date()


def reaches_beyond(asked: Filter, now: datetime) -> bool:
    """Whether an address asks for a time of which ended workflows are forgotten already."""
    whole, what = shortest(asked), asked.asked(now)
    begins = min((m for m in (what.since, what.finished_since) if m), default=None)
    if whole is None or (begins is None and what.until is None):
        return False
    return begins is None or begins < now - whole
