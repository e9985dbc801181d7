"""When the nodes of clusters are counted: by the clock, a cluster at a time."""

import logging

from celery import shared_task
from django.utils import timezone

from controlplane.celery import NODES_EVERY
from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.kube import quantities
from controlplane.kube.errors import KubeError

from . import nodes, services

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def count_nodes(pk: int) -> None:
    """One cluster. What was seen before stays where it cannot be asked now: it is no smaller for that."""
    cluster = Cluster.objects.filter(pk=pk).first()
    if cluster is None:
        return
    try:
        found = connect(cluster).kube.list("v1", "Node")
    except (KubeError, DomainError) as exc:  # the latter: its credential cannot be opened
        logger.info("the nodes of %s were not counted: %s", cluster, exc.sentence)
        return
    seen = nodes.allocatable(found, cluster.placement, quantities.parse)
    services.record_nodes(cluster, seen=seen, now=timezone.now())


@shared_task(ignore_result=True)
def count_all_nodes() -> None:
    """Every cluster that serves us, each in a task of its own: one that hangs holds up nobody."""
    for pk in Cluster.objects.filter(reachable=True).values_list("pk", flat=True):
        count_nodes.apply_async((pk,), expires=NODES_EVERY)
