"""Which workflows a person wants to see, as the address of the page says it: a view is a bookmark."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Count, F, Q
from django.db.models.expressions import OrderBy

from controlplane.index.models import WorkflowQuerySet
from tenants.models import TenantNamespace

PHASES = ("Pending", "Running", "Succeeded", "Failed", "Error")
SINCE = {
    "1h": ("the last hour", timedelta(hours=1)),
    "24h": ("the last 24 hours", timedelta(hours=24)),
    "7d": ("the last 7 days", timedelta(days=7)),
    "30d": ("the last 30 days", timedelta(days=30)),
}
# What a column is sorted by, first click first.
SORTS: dict[str, tuple[str | OrderBy, ...]] = {
    "-created": ("-created_at", "-pk"),
    "created": ("created_at", "pk"),
    "name": ("name", "pk"),
    "-name": ("-name", "-pk"),
    "phase": ("phase", "-created_at", "-pk"),
    "-phase": ("-phase", "-created_at", "-pk"),
    "template": ("template", "-created_at", "-pk"),
    "-template": ("-template", "-created_at", "-pk"),
    "-took": (OrderBy(F("seconds"), descending=True, nulls_last=True), "-pk"),
    "took": (OrderBy(F("seconds"), nulls_last=True), "pk"),
    "-used": ("-cpu_seconds", "-pk"),
    "used": ("cpu_seconds", "pk"),
}
NEWEST = "-created"


@dataclass(frozen=True)
class Filter:
    """What is asked for. A word that means nothing asks for nothing."""

    phase: str = ""
    team: str = ""
    namespace: str = ""
    cluster: str = ""
    template: str = ""
    text: str = ""
    since: str = ""
    first: date | None = None
    last: date | None = None
    sort: str = NEWEST

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filter":
        """As an address says it."""
        said = {key: (query.get(key) or "").replace("\0", "").strip()[:253] for key in query}
        return cls(
            phase=_known(said.get("phase"), PHASES),
            team=said.get("team", ""),
            namespace=said.get("namespace", ""),
            cluster=said.get("cluster", ""),
            template=said.get("template", ""),
            text=said.get("q", ""),
            since=_known(said.get("since"), SINCE),
            first=_day(said.get("from")),
            last=_day(said.get("to")),
            sort=_known(said.get("sort"), SORTS) or NEWEST,
        )

    @property
    def narrows(self) -> bool:
        """Whether it asks for less than everything."""
        return self != Filter(sort=self.sort)

    def but_phase(self, rows: WorkflowQuerySet, now: datetime) -> WorkflowQuerySet:
        """The rows of every phase that it asks for otherwise."""
        places = {"team__slug": self.team, "name": self.namespace, "cluster__name": self.cluster}
        if said := {key: value for key, value in places.items() if value}:
            rows = rows.filter(namespace__in=TenantNamespace.objects.filter(**said).order_by())
        if self.template:
            rows = rows.filter(template__icontains=self.template)
        if self.text:
            rows = rows.filter(Q(name__icontains=self.text) | Q(message__icontains=self.text))
        if self.since:
            rows = rows.filter(created_at__gte=now - SINCE[self.since][1])
        if self.first:
            rows = rows.filter(created_at__gte=datetime.combine(self.first, time.min, UTC))
        if self.last:
            rows = rows.filter(created_at__lte=datetime.combine(self.last, time.max, UTC))
        return rows

    def of_phase(self, rows: WorkflowQuerySet) -> WorkflowQuerySet:
        """The rows of the phase it asks for, in its order."""
        if self.phase:
            rows = rows.filter(phase__in=words_of(self.phase))
        return rows.order_by(*SORTS[self.sort])


def words_of(phase: str) -> tuple[str, ...]:
    """What a row says in that phase: one that no controller looked at yet is Pending."""
    return (phase, "") if phase == "Pending" else (phase,)


def counts(rows: WorkflowQuerySet) -> dict[str, int]:
    """How many rows of each phase: one query."""
    found = dict(rows.order_by().values_list("phase").annotate(Count("pk")))
    return {phase: sum(found.get(word, 0) for word in words_of(phase)) for phase in PHASES}


def _known(word: str | None, words: Iterable[str]) -> str:
    return word if word and word in words else ""


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
