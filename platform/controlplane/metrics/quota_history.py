"""What quotas said and what was promised, hour by hour: asked of the index's rows by the clock.

What no watch follows is not written down as if it were seen: a span without a look has no number.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from django.db import transaction

from controlplane.clusters.models import Cluster
from controlplane.index.kinds import QUOTA
from controlplane.index.models import QuotaUse, Watch
from controlplane.kube import quantities
from tenants.models import TenantNamespace, Tier

from . import sums
from .models import FleetHour, QuotaDay, QuotaHour
from .usage import BATCH, DAYS_KEPT, HOURS_KEPT, delete_in_batches

MIB = 2**20
CPU, MEMORY = "requests.cpu", "requests.memory"
MOST = 2**53  # of a quantity: more is a mistake, and no sum of such is a number
SEEN = ("cpu_hard", "cpu_used", "memory_hard", "memory_used")
PEAKS = {"cpu_peak": "cpu_used", "memory_peak": "memory_used"}
COLUMNS = (*SEEN, *PEAKS, "cpu_promised", "memory_promised")

Amounts = dict[str, int | None]


@dataclass(frozen=True)
class Look:
    """One namespace now; what was seen is None where nobody follows its cluster."""

    namespace_id: int
    cluster_id: int
    amounts: Amounts


def remember(now: datetime) -> None:
    """Write down how it is now, over what was said of this hour and this day so far."""
    looks = list(_looks(now))
    rest = iter(looks)
    while some := list(islice(rest, BATCH)):
        with transaction.atomic():
            _keep(QuotaHour, some, sums.hour_of(now))
            _keep(QuotaDay, some, sums.day_of(now))
    _keep_fleet(looks, sums.hour_of(now))


def forget(now: datetime) -> None:
    """Remove what is older than each grain is kept for."""
    old = ((QuotaHour, HOURS_KEPT), (QuotaDay, DAYS_KEPT), (FleetHour, HOURS_KEPT))
    for model, kept in old:
        delete_in_batches(model, model.objects.filter(at__lt=now - kept))


def _looks(now: datetime) -> Iterator[Look]:
    """Every live namespace that is made or being made: four queries."""
    promised = {tier.pk: _amounts(tier.quota, "promised") for tier in Tier.objects.all()}
    late = set(Watch.objects.late(now).filter(kind=QUOTA.name).values_list("cluster", flat=True))
    watched = set(Watch.objects.filter(kind=QUOTA.name).values_list("cluster", flat=True)) - late
    said = {
        place: (hard, used)
        for place, hard, used in QuotaUse.objects.filter(
            namespace__cluster__in=Cluster.objects.exclude(reachable=False).order_by()
        ).values_list("namespace", "hard", "used")
    }
    live = TenantNamespace.objects.live().exclude(begun_at=None).order_by("pk")
    for place, cluster, tier in live.values_list("pk", "cluster", "tier"):
        amounts: Amounts = {**dict.fromkeys((*SEEN, *PEAKS)), **promised[tier]}
        if cluster in watched and place in said:
            hard, used = said[place]
            amounts |= {**_amounts(hard, "hard"), **_amounts(used, "used")}
        yield Look(place, cluster, amounts)


def _amounts(quota: Mapping[str, Any], word: str) -> Amounts:
    return {
        f"cpu_{word}": _number(str(quota.get(CPU, "")), 1000, 1),
        f"memory_{word}": _number(str(quota.get(MEMORY, "")), 1, MIB),
    }


@lru_cache(maxsize=4096)
def _number(quantity: str, times: int, per: int) -> int | None:
    """A quantity in our unit; None for what is none: somebody else may have written the quota."""
    try:
        found = int(quantities.parse(quantity) * times / per)
        return max(0, min(found, MOST))
    except (ValueError, ArithmeticError):
        return None


def _keep(model: Any, looks: list[Look], at: datetime) -> None:
    """A row a namespace: as seen now, or as last seen in this span; the peak of all its looks."""
    near = model.objects.filter(at=at, namespace__in=[look.namespace_id for look in looks])
    before = {row["namespace"]: row for row in near.values("namespace", *COLUMNS)}
    model.objects.bulk_create(
        [
            model(
                namespace_id=look.namespace_id,
                at=at,
                **_over(before.get(look.namespace_id, {}), look.amounts),
            )
            for look in looks
        ],
        update_conflicts=True,
        unique_fields=["at", "namespace"],
        update_fields=list(COLUMNS),
    )


def _over(before: Mapping[str, int | None], now: Amounts) -> Amounts:
    """The newer of two looks, where it saw anything; promised is always known."""
    found = {key: before.get(key) if now[key] is None else now[key] for key in SEEN}
    for peak, used in PEAKS.items():
        seen = [n for n in (before.get(peak), now[used]) if n is not None]
        found[peak] = max(seen, default=None)
    return {**found, **{key: now[key] or 0 for key in ("cpu_promised", "memory_promised")}}


def _keep_fleet(looks: Iterable[Look], at: datetime) -> None:
    """All together, with how many of them were seen: a sum over some is not one over all."""
    added: dict[str, int] = defaultdict(int)
    places, seen, clusters, clusters_seen = 0, 0, set(), set()
    for look in looks:
        places += 1
        clusters.add(look.cluster_id)
        if look.amounts["cpu_used"] is not None:
            seen += 1
            clusters_seen.add(look.cluster_id)
        for key, value in look.amounts.items():
            added[key] += value or 0
    used = {key: added[key] if seen else None for key in SEEN}
    before = FleetHour.objects.filter(at=at).values(*COLUMNS).first() or {}
    FleetHour.objects.update_or_create(
        at=at,
        defaults={
            **_over(before, {**dict.fromkeys(PEAKS), **used, **_promised(added)}),
            "namespaces": places,
            "namespaces_seen": seen,
            "clusters": len(clusters),
            "clusters_seen": len(clusters_seen),
        },
    )


def _promised(added: Mapping[str, int]) -> Amounts:
    return {key: added[key] for key in ("cpu_promised", "memory_promised")}
