"""What the choice needs to know, read from the rows: a fixed number of queries for any number of clusters."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db.models import Count

from controlplane.clusters.models import Cluster
from tenants import budget
from tenants.models import Request, RequestState, TenantNamespace, Tier
from tenants.placing import Wish

from .choice import Amount, Ask, Candidate
from .models import Room


def ask(wish: Wish, labels: Mapping[str, str] | None) -> Ask:
    """The wish as a value, with where the team's other namespaces are."""
    return Ask(
        name=wish.name,
        team=wish.team.name,
        tier=wish.tier.slug,
        adds=amount_of(wish.tier),
        labels=labels,
        tier_labels=dict(wish.tier.cluster_labels),
        zones=_zones(wish),
    )


def candidates(wish: Wish | None = None, *, only: str = "") -> Sequence[Candidate]:
    """Every cluster, or one, as the choice sees it."""
    found = Cluster.objects.order_by("name")
    if only:
        found = found.filter(name=only)
    rows = list(found.values_list("pk", "name", "labels", "scheduling", "reachable"))
    promised, namespaces = _promised(only)
    rooms = _rooms(only)
    named = _named(wish)
    return [
        Candidate(
            name=name,
            labels={str(key): str(value) for key, value in (labels or {}).items()},
            scheduling=scheduling,
            reachable=reachable,
            room=rooms[pk][0] if pk in rooms else None,
            limited=pk in rooms and rooms[pk][1],
            promised=promised[pk],
            namespaces=namespaces[pk],
            has_name=pk in named,
        )
        for pk, name, labels, scheduling, reachable in rows
    ]


def amount_of(tier: Tier) -> Amount:
    """What one namespace of a tier is promised."""
    promise = budget.promised([tier])
    return Amount(promise.cpu, promise.memory_gib)


def _promised(only: str) -> tuple[Mapping[int, Amount], Mapping[int, int]]:
    """What each cluster has promised to all teams, and to how many namespaces: two queries."""
    tiers = {tier.pk: amount_of(tier) for tier in Tier.objects.all()}
    live = TenantNamespace.objects.live()
    if only:
        live = live.filter(cluster__name=only)
    counted = live.order_by().values_list("cluster", "tier").annotate(many=Count("pk"))
    sums: dict[int, Amount] = defaultdict(Amount)
    namespaces: Counter[int] = Counter()
    for cluster, tier, many in counted:
        each, so_far = tiers[tier], sums[cluster]
        sums[cluster] = Amount(
            so_far.cpu + each.cpu * many, so_far.memory_gib + each.memory_gib * many
        )
        namespaces[cluster] += many
    return sums, namespaces


def _rooms(only: str) -> Mapping[int, tuple[Amount, bool]]:
    """How much each may promise and that this is a limit: as was said; else what its nodes have."""
    rooms = Room.objects.order_by()
    if only:
        rooms = rooms.filter(cluster__name=only)
    found: dict[int, tuple[Amount, bool]] = {}
    for room in rooms:
        said = room.cpu, room.memory_gib
        cpu, memory = said if room.said else (room.seen_cpu, room.seen_memory_gib)
        if cpu is not None and memory is not None:
            found[room.cluster_id] = Amount(Decimal(cpu), Decimal(memory)), room.said
    return found


def _named(wish: Wish | None) -> frozenset[int]:
    """The clusters that have a namespace of the wish's name."""
    if wish is None or not wish.name:
        return frozenset()
    live = TenantNamespace.objects.live().filter(name=wish.name)
    return frozenset(live.order_by().values_list("cluster", flat=True))


def _zones(wish: Wish) -> Mapping[tuple[str, str], int]:
    """How many namespaces the team has, or waits for, in each zone: two queries."""
    names = Counter(
        wish.team.namespaces.live().order_by().values_list("cluster__name", flat=True)
    )
    waiting = Request.objects.filter(
        team=wish.team, state=RequestState.PENDING, namespace=None
    ).order_by()
    for placed, asked in waiting.exclude(asked__name=wish.name).values_list("placed", "asked"):
        names[str(placed.get("cluster") or asked.get("cluster") or "")] += 1
    zones: Counter[tuple[str, str]] = Counter()
    where = Cluster.objects.filter(name__in=names).values_list("name", "labels")
    for name, labels in where:
        zones[str(labels.get("region", "")), str(labels.get("zone", ""))] += names[name]
    return zones
