"""How old what the index tells of each cluster is, for the pages that are made from it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.index.kinds import Kind
from controlplane.index.models import Watch
from tenants.models import TenantNamespace


@dataclass(frozen=True)
class Age:
    """How old what is known of one cluster is. No watch: nothing was heard of it yet."""

    cluster: Cluster
    watch: Watch | None
    why: str = ""  # it is lost, in words for who asks

    @property
    def good(self) -> bool:
        return self.watch is not None and self.watch.follows


def clusters_of(namespaces: QuerySet[TenantNamespace]) -> list[Cluster]:
    """The clusters that these namespaces are on: one query, for the namespaces may be thousands."""
    found = Cluster.objects.filter(pk__in=namespaces.order_by().values("cluster"))
    return list(found.only("name", "simulated").order_by("name"))


def ages_of(clusters: Iterable[Cluster], kind: Kind, user: User) -> list[Age]:
    """How the watch of one kind is doing on each."""
    named = list(clusters)
    watches = {
        watch.cluster_id: watch
        for watch in Watch.objects.filter(kind=kind.name, cluster__in=[c.pk for c in named])
    }
    return [_age(cluster, watches.get(cluster.pk), user) for cluster in named]


def _age(cluster: Cluster, watch: Watch | None, user: User) -> Age:
    # A cluster's own words name addresses, for the platform's people; that it is silent is no secret.
    told = watch is not None and (watch.in_step or user.sees_all)
    return Age(cluster, watch, watch.why_lost if watch is not None and told else "")


def simulated(clusters: Iterable[Cluster]) -> str:
    """The sentence about clusters whose pods run nothing; '' where all of them are real."""
    names = sorted(c.name for c in clusters if c.simulated)
    if not names:
        return ""
    return (
        f"Pods on {', '.join(names)} are simulated: they are placed, but no container runs in them."
    )
