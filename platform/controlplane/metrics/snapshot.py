"""What there is to say of the platform, read from its rows at one moment, in a fixed number of queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, Max, Min, Q, QuerySet

from controlplane.clusters.models import Cluster
from controlplane.index.models import Watch
from controlplane.policies.models import ExemptionState, ImageExemption, Violation
from provisioning.models import Turn
from tenants.models import Request, RequestState, TenantNamespace

LOOKED_BACK = timedelta(minutes=10)  # for turns, of which rows are kept
OUTCOMES = 20  # by name; whatever else turns end with is one
CODES = 40
CLUSTERS = 2000  # by name; a fleet of more has its counts
OTHER = "other"


@dataclass(frozen=True)
class Turns:
    """Turns that ended one way lately."""

    count: int
    mean_seconds: float
    longest_seconds: float


@dataclass(frozen=True)
class Snapshot:
    """The platform at one moment."""

    at: datetime
    namespaces: Mapping[str, int] = field(default_factory=dict)  # by phase
    clusters: Mapping[str, int] = field(
        default_factory=dict
    )  # by whether, or why not, they serve us
    each_cluster: Mapping[str, tuple[bool, int]] = field(
        default_factory=dict
    )  # serves us; namespaces
    scheduling: Mapping[str, int] = field(default_factory=dict)
    turns: Mapping[str, Turns] = field(default_factory=dict)  # by outcome
    wishes_behind: int = 0
    queued: int = 0
    queue_seconds: float = 0.0  # the age of the oldest queued turn
    requests_waiting: int = 0
    request_seconds: float = 0.0
    exemptions_waiting: int = 0
    violations: Mapping[tuple[str, str], int] = field(default_factory=dict)  # by code and state
    watches_late: int = 0


def take(now: datetime) -> Snapshot:
    """The platform as its rows say. Raises django.db.Error if they cannot be read."""
    live = TenantNamespace.objects.live()
    waits = live.aggregate(
        queued=Count("pk", filter=Q(queued_at__isnull=False)), oldest=Min("queued_at")
    )
    asked = Request.objects.filter(state=RequestState.PENDING).aggregate(
        count=Count("pk"), oldest=Min("created_at")
    )
    return Snapshot(
        at=now,
        namespaces=_counted(live, "phase"),
        clusters=_clusters(),
        each_cluster=_each_cluster(),
        scheduling=_counted(Cluster.objects.all(), "scheduling"),
        turns=_turns(now),
        wishes_behind=TenantNamespace.objects.behind().count(),
        queued=waits["queued"],
        queue_seconds=_age(waits["oldest"], now),
        requests_waiting=asked["count"],
        request_seconds=_age(asked["oldest"], now),
        exemptions_waiting=ImageExemption.objects.filter(state=ExemptionState.PENDING).count(),
        violations=_violations(),
        watches_late=Watch.objects.late(now).count(),
    )


def _clusters() -> dict[str, int]:
    """How they answer: a cluster that was never asked is none that is away."""
    found: dict[str, int] = {}
    rows = Cluster.objects.order_by().values_list("reachable", "trouble").annotate(n=Count("pk"))
    for reachable, trouble, count in rows:
        word = {None: "unasked", True: "reachable"}.get(reachable) or trouble or "away"
        found[word] = found.get(word, 0) + count
    return found


def _each_cluster() -> dict[str, tuple[bool, int]]:
    there = Count("namespaces", filter=Q(namespaces__deleted_at=None))
    rows = Cluster.objects.order_by("name").annotate(there=there)
    asked = rows.exclude(reachable=None).values_list("name", "reachable", "there")[:CLUSTERS]
    return {name: (bool(reachable), count) for name, reachable, count in asked}


def _turns(now: datetime) -> dict[str, Turns]:
    ended = Turn.objects.filter(ended_at__gte=now - LOOKED_BACK).order_by()
    rows = ended.values("outcome").annotate(
        n=Count("pk"), mean=Avg("seconds"), longest=Max("seconds")
    )
    found = {
        row["outcome"]: Turns(row["n"], row["mean"], row["longest"])
        for row in rows.order_by("-n", "outcome")
    }
    return _bounded(found)


def _bounded(found: dict[str, Turns]) -> dict[str, Turns]:
    """The most frequent ones by name: a reason can be any text."""
    kept = dict(list(found.items())[:OUTCOMES])
    if rest := list(found.values())[OUTCOMES:]:
        count = sum(turns.count for turns in rest)
        seconds = sum(turns.count * turns.mean_seconds for turns in rest)
        kept[OTHER] = Turns(count, seconds / count, max(t.longest_seconds for t in rest))
    return kept


def _violations() -> dict[tuple[str, str], int]:
    rows = Violation.objects.order_by().values_list("code", "state").annotate(n=Count("pk"))
    return {(code, state): n for code, state, n in rows.order_by("-n", "code", "state")[:CODES]}


def _counted(rows: QuerySet[Any], column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(n=Count("pk")))


def _age(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
