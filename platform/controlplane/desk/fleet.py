"""The fleet at a glance, in a fixed number of queries however large it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min, Q
from django.utils import timezone

from controlplane.advisories.lookup import Standing, known
from controlplane.clusters import answering, health
from controlplane.clusters.answering import Answer
from controlplane.clusters.models import Cluster
from controlplane.index.models import Watch
from tenants.conditions import Phase
from tenants.models import Request, RequestState, TenantNamespace

WORST = 10
OLDEST = 10
CLUSTERS = 50  # shown here; all of them are in their list
LOOKS = {
    Phase.READY: "ok",
    Phase.PROVISIONING: "run",
    Phase.TERMINATING: "run",
    Phase.PENDING: "warn",
    Phase.DEGRADED: "bad",
}


@dataclass(frozen=True)
class Tile:
    """A number that is a link to the rows it counts."""

    label: str
    count: int
    link: str
    look: str = ""


@dataclass(frozen=True)
class Waiting:
    """What waits for an approver."""

    count: int
    back: int  # came back: what would be made had changed since it was approved
    oldest_at: datetime | None
    oldest: Sequence[Request]


@dataclass(frozen=True)
class Watched:
    """How a cluster's watches are doing: a word, since when, which of them, and each reason once."""

    word: str
    look: str = ""
    since: datetime | None = None
    kinds: str = ""
    whys: Sequence[str] = ()


@dataclass(frozen=True)
class Held:
    """Namespaces that no turn is taken for, because their clusters do not serve us."""

    namespaces: int
    clusters: int


@dataclass(frozen=True)
class ClusterLine:
    """A cluster, what is on it, and how old what is known of it may be."""

    cluster: Cluster
    namespaces: int
    watches: Sequence[Watch]
    answer: Answer

    @property
    def watch(self) -> Watched:
        """All its watches as one: none of them can be in step with a cluster that does not serve us."""
        if not self.watches:
            return Watched("not watched")
        if self.cluster.reachable is False:
            return Watched("waits for the cluster", "warn")
        if late := self.lagging:
            whys = tuple(dict.fromkeys(watch.why_lost for watch in late if watch.why_lost))
            kinds = ", ".join(watch.kind for watch in late)
            return Watched("behind", "bad", min(watch.lost_at for watch in late), kinds, whys)
        heard = [watch.heard_at for watch in self.watches if watch.heard_at]
        return Watched("in step", "ok", min(heard, default=None))

    @property
    def lagging(self) -> Sequence[Watch]:
        """Watches that follow it no longer: what the index says of this cluster may be old."""
        return [watch for watch in self.watches if not watch.follows]


@dataclass(frozen=True)
class Version:
    """An Argo that runs somewhere, and on how many namespaces."""

    name: str
    count: int
    wanted: bool

    @property
    def standing(self) -> Standing:
        """What is known to be wrong with it."""
        return known(self.name)


@dataclass(frozen=True)
class Fleet:
    """All of the first page."""

    idle: str  # that nobody works, and since when; '' if all is well
    tiles: Sequence[Tile]
    held: Held
    degraded: int
    waiting: Waiting
    failing: Sequence[TenantNamespace]
    clusters: Sequence[ClusterLine]
    more_clusters: bool
    wanted_version: str
    versions: Sequence[Version]


def overview() -> Fleet:
    """Nine queries, however many rows there are."""
    now = timezone.now()
    clusters = _clusters(now)
    tiles, held = _tiles()
    return Fleet(
        idle=_idle(clusters, now),
        tiles=tiles,
        held=held,
        degraded=next(tile.count for tile in tiles if tile.label == Phase.DEGRADED),
        waiting=_waiting(),
        failing=_failing(),
        clusters=clusters[:CLUSTERS],
        more_clusters=len(clusters) > CLUSTERS,
        wanted_version=settings.ARGO_VERSION,
        versions=_versions(settings.ARGO_VERSION),
    )


def _idle(clusters: Sequence[ClusterLine], now: datetime) -> str:
    """Every cluster is asked every few seconds: none of these was, so nobody asks."""
    newest = max((c.cluster.checked_at for c in clusters if c.cluster.checked_at), default=None)
    if newest is None or not health.is_stale(newest, now):
        return ""
    return answering.idle_sentence(newest, now)


def _tiles() -> tuple[list[Tile], Held]:
    """Live namespaces by phase, then what an operator would look for next; and what cannot go on."""
    live = TenantNamespace.objects.live()
    by_phase = dict(live.order_by().values_list("phase").annotate(count=Count("pk")))
    away = Q(cluster__reachable=False, paused=False)
    rest = live.aggregate(
        failing=Count("pk", filter=Q(failures__gt=0)),
        held=Count("pk", filter=away),
        away=Count("cluster", filter=away, distinct=True),
        paused=Count("pk", filter=Q(paused=True)),  # last: its name hides the column
    )
    shown = [phase for phase in Phase if phase is not Phase.TERMINATED]
    tiles = [
        *(
            Tile(phase, by_phase.get(phase, 0), f"?phase__exact={phase}", LOOKS.get(phase, ""))
            for phase in shown
        ),
        Tile("Failing", rest["failing"], "?standing=failing", "bad"),
        Tile("Paused", rest["paused"], "?paused__exact=1", "warn"),
    ]
    return tiles, Held(rest["held"], rest["away"])


def _waiting() -> Waiting:
    pending = Request.objects.filter(state=RequestState.PENDING)
    sums = pending.order_by().aggregate(
        count=Count("pk"),
        back=Count("pk", filter=Q(namespace__isnull=False)),
        oldest_at=Min("created_at"),
    )
    oldest = pending.select_related("team", "requested_by").order_by("created_at", "pk")[:OLDEST]
    return Waiting(sums["count"], sums["back"], sums["oldest_at"], list(oldest))


def _failing() -> list[TenantNamespace]:
    """Those that failed most often in a row; nobody tries the paused ones."""
    failing = TenantNamespace.objects.live().filter(failures__gt=0, paused=False)
    worst = failing.select_related("team", "cluster").order_by("-failures", "next_reconcile_at")
    return list(worst[:WORST])


def _clusters(now: datetime) -> list[ClusterLine]:
    """Those that do not answer first; one more than is shown, to know whether there are more."""
    counts = dict(
        TenantNamespace.objects.live().order_by().values_list("cluster").annotate(c=Count("pk"))
    )
    found = Cluster.objects.defer("sealed_kubeconfig").order_by("reachable", "name")
    rows = list(found.prefetch_related("watches")[: CLUSTERS + 1])
    return [
        ClusterLine(
            row, counts.get(row.pk, 0), list(row.watches.all()), answering.standing_of(row, now)
        )
        for row in rows
    ]


def _versions(wanted: str) -> list[Version]:
    """What the last turn saw running; blank is a controller that was not seen to be available yet."""
    seen = (
        TenantNamespace.objects.live()
        .order_by()
        .values_list("argo_version")
        .annotate(count=Count("pk"))
        .order_by("-count")
    )
    return [Version(name, count, name == wanted) for name, count in seen[:WORST]]
