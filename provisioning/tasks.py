"""When the loop runs: an event, the row's own schedule, and a sweep that finds what both missed."""

import logging
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from controlplane.clusters import probe
from controlplane.clusters import services as clusters
from controlplane.clusters.models import Cluster
from tenants import services
from tenants.models import TenantNamespace

from .reconcile import reconcile
from .status import unreachable

logger = logging.getLogger(__name__)

SWEEP_BATCH = 1000
SWEEP_EVERY = timedelta(seconds=30)
PROBE_EVERY = timedelta(seconds=15)


@shared_task(ignore_result=True, acks_late=True)
def reconcile_namespace(pk: int) -> None:
    """One turn for one namespace. Safe to enqueue twice: the second finds it claimed, or not due."""
    if not TenantNamespace.objects.wanting(timezone.now()).filter(pk=pk).exists():
        return  # another turn went first, and with it the next one's schedule
    wait = reconcile(pk)
    if wait is not None and wait < SWEEP_EVERY:
        # The row's own schedule, where the sweep would come too late for it.
        reconcile_namespace.apply_async((pk,), countdown=wait.total_seconds())


@shared_task(ignore_result=True)
def sweep() -> int:
    """The level trigger: enqueue what is due, whether or not its event got through."""
    now = timezone.now()
    due = TenantNamespace.objects.due(now).order_by("next_reconcile_at")
    return sum(enqueue(pk) for pk in due.values_list("pk", flat=True)[:SWEEP_BATCH])


@shared_task(ignore_result=True)
def probe_cluster(pk: int) -> None:
    """Ask one cluster; when it answers again, its rows are due at once."""
    cluster = Cluster.objects.get(pk=pk)
    now = timezone.now()
    news = clusters.record_health(cluster, error=probe.ask(cluster), now=now)
    there = TenantNamespace.objects.live().filter(cluster=cluster)
    if not cluster.reachable:
        if news:
            logger.warning("cluster %s does not answer: %s", cluster, cluster.message)
            services.record_unreachable(there, unreachable(cluster.message).ready, now=now)
        return
    if news:
        logger.info("cluster %s answers", cluster)
        # Before anything that may fail again: what waited for this cluster has waited long enough.
        services.nudge(there)
    # Where the API server moved, network policies name the address there was.
    if clusters.renew_endpoints(cluster):
        services.nudge(there)


@shared_task(ignore_result=True)
def probe_clusters() -> None:
    """Ask every cluster, each in a task of its own: one that hangs holds up nobody."""
    for pk in Cluster.objects.values_list("pk", flat=True):
        probe_cluster.delay(pk)


def enqueue(pk: int) -> bool:
    """Queue a turn, once: a row that is queued already is left alone.

    With the broker away the mark is taken back and the error goes on: the wish is kept, and the next
    sweep finds the row.
    """
    if not services.queue(pk, now=timezone.now()):
        return False
    try:
        reconcile_namespace.delay(pk)
    except Exception:
        services.unqueue(pk)
        raise
    return True
