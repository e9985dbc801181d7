"""Which acts somebody asks for: the filters of the page, the export, the API and the command, read once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from controlplane.errors import DomainError

from .models import Events
from .outcome import Outcome

# A filter of text, and the column it must equal.
EXACT = {"actor": "actor", "team": "team", "action": "action", "request_id": "request_id"}
NAMES = (*EXACT, "outcome", "target", "since", "until")
LONGEST = 254
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Asked:
    """The filters, as they were said; an empty one asks for nothing."""

    actor: str = ""
    team: str = ""
    action: str = ""
    request_id: str = ""
    outcome: str = ""
    target: str = ""
    since: datetime | None = None
    until: datetime | None = None


def read(said: Mapping[str, str]) -> Asked:
    """The filters of an address. Refuses what cannot be one: an export of nothing would be believed."""
    words = {name: said.get(name, "") for name in NAMES}
    for name, word in words.items():
        if len(word) > LONGEST or not word.isprintable():
            raise DomainError("That is no name.", code="bad_filter", field=name)
    if words["outcome"] and words["outcome"] not in Outcome.values:
        raise DomainError(
            f"An outcome is {', '.join(Outcome.values)}.", code="bad_filter", field="outcome"
        )
    exact = {name: words[name] for name in (*EXACT, "outcome", "target")}
    return Asked(
        **exact,
        since=_time(words["since"], "since"),
        # A day that is named as the last is meant whole.
        until=_time(words["until"], "until", day_is=timedelta(days=1)),
    )


def narrowed(events: Events, asked: Asked) -> Events:
    """Those that fit all that is asked, newest first."""
    exact = {column: getattr(asked, name) for name, column in EXACT.items() if getattr(asked, name)}
    found = events.filter(**exact)
    if asked.outcome:
        found = found.filter(outcome=asked.outcome)
    if asked.target:
        found = found.filter(target__icontains=asked.target)
    if asked.since:
        found = found.filter(at__gte=asked.since)
    if asked.until:
        found = found.filter(at__lt=asked.until)
    return found.order_by("-pk")


def _time(word: str, field: str, *, day_is: timedelta = timedelta()) -> datetime | None:
    """A time, or a day's beginning and `day_is` more; in UTC, unless it says otherwise."""
    if not word:
        return None
    try:
        if DAY.fullmatch(word):
            return datetime.combine(date.fromisoformat(word), time(), tzinfo=UTC) + day_is
        moment = datetime.fromisoformat(word)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # the latter for a year that no calendar has
        raise DomainError(
            "A day looks like 2026-11-22, a time like 2026-11-22T08:30.",
            code="bad_filter",
            field=field,
        ) from None
