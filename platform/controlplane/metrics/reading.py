"""Asking the rows: what some namespaces were promised, held and used, step by step; and what it costs.

Every question is one query, however many namespaces there are. A step of which nothing is known has no
number; one in which nothing ended has a zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import add
from typing import Any

from django.db.models import Count, Max, Min, QuerySet, Sum

from controlplane.clusters.models import Cluster
from controlplane.index.kinds import QUOTA, Kind
from controlplane.index.models import Watch
from tenants.models import NamespaceQuerySet

from . import chargeback, coverage, prices, sums
from .chargeback import Bill, Line, Rates
from .models import (
    FleetHour,
    MissedRuns,
    QuotaDay,
    QuotaHour,
    UsageDay,
    UsageHour,
    UsageMonth,
)
from .queries import Coverage
from .ranges import Range

Namespaces = NamespaceQuerySet
HELD = (
    "cpu_promised",
    "cpu_hard",
    "cpu_used",
    "memory_promised",
    "memory_hard",
    "memory_used",
)
USED = ("workflows", "failed", "unseen", "cpu_seconds", "memory_mib_seconds")
LINE = ("workflows", "cpu_seconds", "memory_mib_seconds")
# What a bill is made out to, and the columns that name it.
BY = {
    "team": ("namespace__team__slug",),
    "namespace": ("namespace__team__slug", "namespace__cluster__name", "namespace__name"),
    "template": (
        "namespace__team__slug",
        "namespace__cluster__name",
        "namespace__name",
        "template",
    ),
}
HEADS = {
    "team": ("team",),
    "namespace": ("team", "cluster", "namespace"),
    "template": ("team", "cluster", "namespace", "template"),
}
MOST_TEMPLATES = 10
MOST_MISSED = 20


@dataclass(frozen=True)
class QuotaPoint:
    """One step: cores in thousandths and MiB, summed over what is known of the namespaces."""

    at: datetime
    of: int  # namespaces there were
    seen: int  # of those, the ones whose quota was seen
    amounts: Mapping[str, int | None]


@dataclass(frozen=True)
class UsagePoint:
    """One step: what the workflows that ended in it used."""

    at: datetime
    workflows: int
    failed: int
    unseen: int
    cpu_seconds: int
    memory_mib_seconds: int


@dataclass(frozen=True)
class Missing:
    """A schedule of which runs did not come."""

    namespace: str
    cluster: str
    cron: str
    runs: int
    last: datetime


def quota(namespaces: Namespaces, asked: Range) -> list[QuotaPoint]:
    """What was promised, the quota objects' limits and their counts, step by step."""
    model: Any = QuotaHour if asked.by_hour else QuotaDay
    rows = model.objects.of(namespaces).filter(at__gte=asked.first, at__lt=asked.end)
    added = {name: Sum(name) for name in HELD}
    counted = (
        rows.order_by().values("at").annotate(places=Count("pk"), seen=Count("cpu_used"), **added)
    )
    found = {row.pop("at"): row for row in counted}
    return [_quota_point(at, found.get(at)) for at in asked.steps()]


def fleet_quota(asked: Range) -> list[QuotaPoint]:
    """The same of all clusters together, which is kept by the hour only."""
    rows = FleetHour.objects.filter(at__gte=asked.first, at__lt=asked.end).order_by()
    found = {
        row["at"]: {**row, "places": row["namespaces"], "seen": row["namespaces_seen"]}
        for row in rows.values("at", "namespaces", "namespaces_seen", *HELD)
    }
    return [_quota_point(at, found.get(at)) for at in asked.steps()]


def used(namespaces: Namespaces, asked: Range) -> list[UsagePoint]:
    """What workflows that ended used, in each step since usage is written down: two queries."""
    model: Any = UsageHour if asked.by_hour else UsageDay
    rows = model.objects.of(namespaces).filter(at__gte=asked.first, at__lt=asked.end)
    added = {name: Sum(name) for name in USED}
    found = {row.pop("at"): row for row in rows.order_by().values("at").annotate(**added)}
    begun = _begun(namespaces)
    nothing = dict.fromkeys(USED, 0)
    return [
        UsagePoint(at, **found.get(at, nothing))
        for at in asked.steps()
        if at in found or (begun is not None and at + asked.step > begun)
    ]


def templates(namespaces: Namespaces, asked: Range) -> list[Line]:
    """The templates that used most on the days of this range."""
    rows = UsageDay.objects.of(namespaces).filter(
        at__gte=sums.day_of(asked.first), at__lt=asked.end
    )
    added: Any = {name: Sum(name) for name in LINE}
    most: Any = (
        rows.order_by().values("template").annotate(**added).order_by("-cpu_seconds", "template")
    )
    return [
        Line((row["template"],), row["workflows"], row["cpu_seconds"], row["memory_mib_seconds"])
        for row in most[:MOST_TEMPLATES]
    ]


def missed(namespaces: Namespaces, asked: Range) -> list[Missing]:
    """Schedules that missed runs on the days of this range, the worst first."""
    rows = MissedRuns.objects.of(namespaces).filter(
        at__gte=sums.day_of(asked.first), at__lt=asked.end
    )
    named = ("namespace__name", "namespace__cluster__name", "cron")
    worst = rows.order_by().values_list(*named).annotate(runs=Sum("runs"), newest=Max("last"))
    return [Missing(*row) for row in worst.order_by("-runs", *named)[:MOST_MISSED]]


def covered(namespaces: Namespaces, kind: Kind = QUOTA) -> Coverage:
    """How many of the clusters that these namespaces are on are followed now: two queries."""
    clusters = list(
        Cluster.objects.filter(pk__in=namespaces.order_by().values("cluster")).values_list(
            "pk", flat=True
        )
    )
    watches = Watch.objects.filter(kind=kind.name)
    return coverage.of_watches(clusters, watches.filter(cluster__in=clusters))


def bill(namespaces: Namespaces, *, month: datetime, by: str, whole: bool) -> Bill:
    """What these namespaces cost in a month. `whole`: they are all there are."""
    rates = prices.rates_of(month)
    lines = _lines(UsageMonth.objects.of(namespaces), month, BY[by])
    if whole or rates is None or not rates.shared_month:
        return chargeback.bill(lines, rates)
    return chargeback.bill(lines, rates, everybody=_used_by_all(month, rates))


def _used_by_all(month: datetime, rates: Rates) -> Decimal:
    """What everybody used, in money: what a team's part of the shared cost is measured by."""
    every = _lines(UsageMonth.objects.all(), month, BY["team"])
    return sum((chargeback.cost(line, rates) for line in every), Decimal())


def _lines(rows: QuerySet[UsageMonth], month: datetime, names: Sequence[str]) -> list[Line]:
    of_month, many = rows.filter(at=month).order_by(), len(names)
    if names == BY["template"]:
        # As many lines as rows: to have the database group them takes as long as to read them.
        return _merged(of_month.values_list(*names, *LINE), many)
    added: Any = {name: Sum(name) for name in LINE}
    return [Line(row[:many], *row[many:]) for row in of_month.values_list(*names).annotate(**added)]


def _merged(rows: Iterable[tuple[Any, ...]], many: int) -> list[Line]:
    """A line for each first `many` columns: a namespace may have been there twice by one name."""
    found: dict[tuple[str, ...], tuple[Any, ...]] = {}
    for row in rows:
        names, amounts = row[:many], row[many:]
        was = found.get(names)
        found[names] = amounts if was is None else tuple(map(add, was, amounts))
    return [Line(names, *amounts) for names, amounts in found.items()]


def _begun(namespaces: Namespaces) -> datetime | None:
    """Since when these namespaces are looked at; None if that has not begun."""
    said = QuotaDay.objects.of(namespaces).aggregate(
        first=Min("at"), made=Min("namespace__begun_at")
    )
    # A day is told from its midnight on, when nothing may have been there yet.
    return max((moment for moment in said.values() if moment), default=None)


def _quota_point(at: datetime, row: Mapping[str, Any] | None) -> QuotaPoint:
    if row is None:
        return QuotaPoint(at, 0, 0, dict.fromkeys(HELD))
    return QuotaPoint(at, row["places"], row["seen"], {name: row[name] for name in HELD})
