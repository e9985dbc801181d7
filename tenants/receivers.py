"""Hearing what `clusters` announces."""

from typing import Any

from django.dispatch import receiver

from controlplane.clusters.models import Cluster
from controlplane.clusters.signals import cluster_answers, cluster_edited

from .models import TenantNamespace
from .services import follow_cluster, nudge


@receiver(cluster_edited)
def follow(cluster: Cluster, **_: Any) -> None:
    """Where pods go is part of every namespace's wish: each is made anew."""
    follow_cluster(cluster)


@receiver(cluster_answers)
def go_on(cluster: Cluster, **_: Any) -> None:
    """What waited for this cluster has waited long enough."""
    nudge(TenantNamespace.objects.live().filter(cluster=cluster, paused=False))
