"""When a CronWorkflow runs: its schedules in words, the next run, and those that did not come."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from controlplane.objects import Manifest

from .nodes import moment

NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
EVERY = "@every "
ZONE = re.compile(r"^(?:CRON_)?TZ=(\S+)\s+(.+)$")
OTHERS = re.compile(r"#|\bL\b|\bLW\b|\d[LW]\b")  # other crons' signs, which Argo's does not know
GRACE = timedelta(minutes=1)  # a run may take this long to be written down
MOST_MISSED = 100
MOST_SCHEDULES = 20


@dataclass(frozen=True)
class Schedule:
    """One line of a schedule as written, in words, and what is wrong with it ('' if nothing)."""

    written: str
    words: str
    problem: str = ""


@dataclass(frozen=True)
class Cron:
    """A CronWorkflow as its row on the page needs it."""

    name: str
    template: str
    schedules: tuple[Schedule, ...]
    timezone: str
    suspended: bool
    policy: str
    running: int
    last: datetime | None
    next: datetime | None
    missed: int
    message: str

    @property
    def broken(self) -> bool:
        """Whether no schedule of it can ever come."""
        return all(each.problem for each in self.schedules)

    @property
    def problems(self) -> int:
        """How many of its schedules can never come."""
        return sum(bool(each.problem) for each in self.schedules)

    @property
    def missed_words(self) -> str:
        return f"{MOST_MISSED} or more" if self.missed >= MOST_MISSED else str(self.missed)


def read(cron: Manifest, now: datetime) -> Cron:
    """A CronWorkflow, understood."""
    meta = _mapping(cron.get("metadata"))
    spec, status = _mapping(cron.get("spec")), _mapping(cron.get("status"))
    zone_name = _text(spec.get("timezone"))
    written = _written(spec)
    schedules = tuple(_schedule(each, zone_name) for each in written)
    good = [each.written for each in schedules if not each.problem]
    suspended = spec.get("suspend") is True
    last = moment(status.get("lastScheduledTime"))
    begun = last or moment(meta.get("creationTimestamp"))
    active = status.get("active")
    return Cron(
        name=_text(meta.get("name")),
        template=_text(
            _mapping(_mapping(spec.get("workflowSpec")).get("workflowTemplateRef")).get("name")
        ),
        schedules=schedules,
        timezone=zone_name or "UTC",
        suspended=suspended,
        policy=_text(spec.get("concurrencyPolicy")) or "Allow",
        running=len(active) if isinstance(active, list) else 0,
        last=last,
        next=None if suspended else _next(good, zone_name, now),
        missed=0 if suspended or begun is None else _missed(good, zone_name, begun, now),
        message=_message(status),
    )


def missed(cron: Manifest, now: datetime) -> tuple[datetime, ...]:
    """When it should have run since it last did, in UTC, the oldest first, up to a bound."""
    spec, status = _mapping(cron.get("spec")), _mapping(cron.get("status"))
    begun = moment(status.get("lastScheduledTime")) or moment(
        _mapping(cron.get("metadata")).get("creationTimestamp")
    )
    if begun is None or spec.get("suspend") is True:
        return ()
    zone = _text(spec.get("timezone"))
    good = [each for each in _written(spec) if not _schedule(each, zone).problem]
    return tuple(sorted(_late(good, zone, begun, now)))


def _written(spec: Mapping[str, Any]) -> list[str]:
    """`schedules`, and the single `schedule` of Argo before 4.0."""
    several = spec.get("schedules")
    found = several if isinstance(several, list) else []
    return [_text(each) for each in [*found[:MOST_SCHEDULES], spec.get("schedule")] if _text(each)]


def _schedule(written: str, zone_name: str) -> Schedule:
    if written.startswith(EVERY):
        return Schedule(written, f"Every {written[len(EVERY) :]}, since its controller started")
    try:
        return Schedule(written, _cron(written, zone_name, datetime(2026, 1, 1)).explain())  # noqa: DTZ001 - only for its words
    except (CronSimError, ValueError, KeyError, OSError) as exc:
        return Schedule(written, "", f"Not a schedule: {_sentence(exc)}.")


def _cron(written: str, zone_name: str, start: datetime, *, back: bool = False) -> CronSim:
    """The runs of one schedule from a moment on, in its own zone."""
    own = ZONE.match(written)
    zone, expression = own.groups() if own else (zone_name, written)
    expression = NAMED.get(expression.strip(), expression).replace("?", "*")
    if OTHERS.search(expression.upper()) or len(expression.split()) != 5:  # noqa: PLR2004 - cron's fields
        raise CronSimError("five fields: minute, hour, day, month, weekday")
    there = ZoneInfo(zone or "UTC")
    at = start.astimezone(there) if start.tzinfo else start
    return CronSim(expression, at, reverse=back)


def _next(written: list[str], zone_name: str, now: datetime) -> datetime | None:
    firsts = [next(_runs(each, zone_name, now), None) for each in written]
    return min((first for first in firsts if first), default=None)


def _missed(written: list[str], zone_name: str, begun: datetime, now: datetime) -> int:
    """How many runs should have come since, counted up to a bound."""
    return min(len(_late(written, zone_name, begun, now)), MOST_MISSED)


def _late(written: list[str], zone_name: str, begun: datetime, now: datetime) -> set[datetime]:
    """Which runs those are."""
    late: set[datetime] = set()
    for each in written:
        for run in _runs(each, zone_name, begun):
            if run > now - GRACE or len(late) >= MOST_MISSED:
                break
            late.add(run.astimezone(UTC))
    return late


def _runs(written: str, zone_name: str, start: datetime) -> Iterator[datetime]:
    if written.startswith(EVERY):
        return
    yield from _cron(written, zone_name, start)


def _message(status: Mapping[str, Any]) -> str:
    """What its controller says is wrong."""
    conditions = status.get("conditions")
    for each in conditions if isinstance(conditions, list) else ():
        if isinstance(each, dict) and each.get("status") == "True" and _text(each.get("message")):
            return _text(each["message"])
    return ""


def _sentence(exc: Exception) -> str:
    return str(exc.args[0] if exc.args else exc).strip("'").rstrip(".")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
