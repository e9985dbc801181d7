"""What the choice needs to know, read from the rows: a fixed number of queries for any number of clusters."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from django.db.models import Count, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from controlplane.clusters.models import Cluster
from tenants import budget
from tenants.models import Request, RequestState, TenantNamespace, Tier
from tenants.placing import Wish

from .choice import Amount, Ask, Candidate

# Of a cluster's room: what was said, then what its nodes have.
ROOM = ("room__cpu", "room__memory_gib", "room__seen_cpu", "room__seen_memory_gib")


def ask(wish: Wish, labels: Mapping[str, str] | None, *, spread: bool) -> Ask:
    """The wish as a value; `spread`: with where the team's other namespaces are."""
    return Ask(
        name=wish.name,
        team=wish.team.name,
        tier=wish.tier.slug,
        adds=amount_of(wish.tier),
        labels=labels,
        tier_labels=dict(wish.tier.cluster_labels),
        zones=_zones(wish) if spread else {},
    )


def candidates(wish: Wish) -> Sequence[Candidate]:
    """Every cluster as the choice sees it."""
    found = Cluster.objects.order_by("name")
    promised, namespaces = _promised(found)
    named = _named(wish)
    return [
        replace(each, promised=promised[pk], namespaces=namespaces[pk], has_name=pk in named)
        for pk, each in _rows(found)
    ]


def candidate(name: str) -> Candidate | None:
    """One cluster as it is by itself; what is promised there, only where that is limited."""
    found = Cluster.objects.filter(name=name)
    for pk, each in _rows(found):
        return replace(each, promised=_promised(found)[0][pk]) if each.limited else each
    return None


def _rows(found: QuerySet[Cluster]) -> list[tuple[int, Candidate]]:
    rows = found.values_list(
        "pk", "name", "labels", "scheduling", "scheduling_reason", "reachable", *ROOM
    )
    return [
        (
            pk,
            Candidate(
                name=name,
                labels={str(key): str(value) for key, value in (labels or {}).items()},
                scheduling=scheduling,
                why_closed=reason,
                reachable=reachable,
                room=_amount(room[:2]) or _amount(room[2:]),
                limited=_amount(room[:2]) is not None,
            ),
        )
        for pk, name, labels, scheduling, reason, reachable, *room in rows
    ]


def amount_of(tier: Tier) -> Amount:
    """What one namespace of a tier is promised."""
    promise = budget.promised([tier])
    return Amount(promise.cpu, promise.memory_gib)


def _promised(on: QuerySet[Cluster]) -> tuple[Mapping[int, Amount], Mapping[int, int]]:
    """What each cluster has promised to all teams, and to how many namespaces: two queries."""
    tiers = {tier.pk: amount_of(tier) for tier in Tier.objects.all()}
    live = TenantNamespace.objects.live().filter(cluster__in=on.order_by()).order_by()
    sums: dict[int, Amount] = defaultdict(Amount)
    namespaces: Counter[int] = Counter()
    for cluster, tier, many in live.values_list("cluster", "tier").annotate(many=Count("pk")):
        each, so_far = tiers[tier], sums[cluster]
        sums[cluster] = Amount(
            so_far.cpu + each.cpu * many, so_far.memory_gib + each.memory_gib * many
        )
        namespaces[cluster] += many
    return sums, namespaces


def _amount(pair: Sequence[Decimal | None]) -> Amount | None:
    """Cores and GiB, where both are known."""
    cpu, memory_gib = pair
    return None if cpu is None or memory_gib is None else Amount(cpu, memory_gib)


def _named(wish: Wish) -> frozenset[int]:
    """The clusters that have a namespace of the wish's name."""
    if not wish.name:
        return frozenset()
    live = TenantNamespace.objects.live().filter(name=wish.name)
    return frozenset(live.order_by().values_list("cluster", flat=True))


def _zones(wish: Wish) -> Mapping[tuple[str, str], int]:
    """How many namespaces the team has, or waits for, in each zone: two queries."""
    there = wish.team.namespaces.live().order_by().values_list("cluster__name")
    waiting = Request.objects.filter(
        team=wish.team, state=RequestState.PENDING, namespace=None
    ).exclude(asked__name=wish.name)
    to_be = waiting.order_by().values_list(Coalesce(KT("placed__cluster"), KT("asked__cluster")))
    names: Counter[str] = Counter()
    for name, many in (*there.annotate(Count("pk")), *to_be.annotate(Count("pk"))):
        names[str(name)] += many
    zones: Counter[tuple[str, str]] = Counter()
    where = Cluster.objects.filter(name__in=names).values_list("name", "labels")
    for name, labels in where:
        zones[str(labels.get("region", "")), str(labels.get("zone", ""))] += names[name]
    return zones
