"""How long asking usually takes: medians of what really happened, or nothing where too little has."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from django.db.models import F

from controlplane.clusters.models import Cluster
from tenants.models import RequestEvent, TenantNamespace

REMEMBERED = 200  # decisions, or namespaces, that "usually" is the median of
FEWEST = 5  # below that a median is an anecdote, and tells about one team's request

Kind = RequestEvent.Kind


@dataclass(frozen=True)
class Usual:
    """A median, and of how many."""

    seconds: float
    of: int


@dataclass(frozen=True)
class Came:
    """How long one namespace took to be Ready, in seconds: all of it, and its controller alone."""

    all: float
    controller: float


def usual(seconds: Sequence[float]) -> Usual | None:
    """The median, if there are enough to speak of one."""
    return Usual(median(seconds), len(seconds)) if len(seconds) >= FEWEST else None


def deciding() -> Usual | None:
    """From a request to its decision. One that came back waited twice, and would tell of neither."""
    decided = RequestEvent.objects.filter(kind__in=(Kind.APPROVED, Kind.REJECTED))
    once = decided.exclude(request__events__kind=Kind.REOPENED).order_by("-pk")
    waited = once.values_list(F("at") - F("request__created_at"), flat=True)[:REMEMBERED]
    return usual([each.total_seconds() for each in waited])


def making(cluster: Cluster) -> Usual | None:
    """From the decision to Ready, on this cluster."""
    return usual([came.all for came in came_up(cluster)])


def came_up(cluster: Cluster) -> list[Came]:
    """The namespaces of a cluster that were Ready last."""
    ready = TenantNamespace.objects.filter(
        cluster=cluster, applied_at__isnull=False, ready_at__isnull=False
    )
    rows = ready.order_by("-ready_at").values_list(
        "begun_at", "created_at", "applied_at", "ready_at"
    )
    return [
        Came((at - (begun or made)).total_seconds(), (at - applied).total_seconds())
        for begun, made, applied, at in rows[:REMEMBERED]
        if applied is not None and at is not None
    ]
