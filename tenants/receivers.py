"""Hearing what `clusters` announces."""

from typing import Any

from django.dispatch import receiver

from controlplane.clusters.models import Cluster
from controlplane.clusters.signals import cluster_edited

from .services import follow_cluster


@receiver(cluster_edited)
def follow(cluster: Cluster, **_: Any) -> None:
    """Where pods go is part of every namespace's wish: each is made anew."""
    follow_cluster(cluster)
