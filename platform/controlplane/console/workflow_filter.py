"""Which workflows a person wants to see, as the address of the page says it: a view is a bookmark."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta

from django.utils.http import urlencode

from controlplane.index.reading import NEWEST, ORDERS, OUTCOMES, PHASES, Asked

from .asked_for import cleaned

WINDOWS = {
    "1h": ("the last hour", timedelta(hours=1)),
    "24h": ("the last 24 hours", timedelta(hours=24)),
    "3d": ("the last 3 days", timedelta(days=3)),
    "7d": ("the last 7 days", timedelta(days=7)),
}
WORDS = {"text": "q", "first": "from", "last": "to"}  # fields that an address calls otherwise


@dataclass(frozen=True)
class Filter:
    """What is asked for. A word that means nothing asks for nothing."""

    phase: str = ""
    outcome: str = ""
    team: str = ""
    namespace: str = ""
    cluster: str = ""
    template: str = ""
    text: str = ""
    since: str = ""
    finished: str = ""
    first: date | None = None
    last: date | None = None
    sort: str = NEWEST

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filter":
        """As an address says it."""
        said = {key: cleaned(query.get(key) or "") for key in query}
        return cls(
            phase=_known(said.get("phase"), PHASES),
            outcome=_known(said.get("outcome"), OUTCOMES),
            team=said.get("team", ""),
            namespace=said.get("namespace", ""),
            cluster=said.get("cluster", ""),
            template=said.get("template", ""),
            text=said.get("q", ""),
            since=_known(said.get("since"), WINDOWS),
            finished=_known(said.get("finished"), WINDOWS),
            first=_day(said.get("from")),
            last=_day(said.get("to")),
            sort=_known(said.get("sort"), ORDERS) or NEWEST,
        )

    @property
    def narrows(self) -> bool:
        """Whether it asks for less than everything."""
        return self != Filter(sort=self.sort)

    @property
    def query(self) -> str:
        """The query of the page that asks for this: what `of` reads."""
        empty = Filter()
        said = {
            WORDS.get(each.name, each.name): getattr(self, each.name)
            for each in fields(self)
            if getattr(self, each.name) != getattr(empty, each.name)
        }
        return urlencode(said)

    def of_any_phase(self) -> "Filter":
        """The same for every phase."""
        return replace(self, phase="")

    def asked(self, now: datetime) -> Asked:
        """The same of the index, as of now."""
        first = datetime.combine(self.first, time.min, UTC) if self.first else None
        since = now - WINDOWS[self.since][1] if self.since else None
        return Asked(
            phase=self.phase,
            outcome=self.outcome,
            team=self.team,
            namespace=self.namespace,
            cluster=self.cluster,
            template=self.template,
            text=self.text,
            since=max((moment for moment in (first, since) if moment), default=None),
            until=_after(self.last),
            finished_since=now - WINDOWS[self.finished][1] if self.finished else None,
        )


def _known(word: str | None, words: Container[str]) -> str:
    return word if word and word in words else ""


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _after(day: date | None) -> datetime | None:
    """When that day is over; the last of all days never is."""
    if day is None or day == date.max:
        return None
    return datetime.combine(day + timedelta(days=1), time.min, UTC)
