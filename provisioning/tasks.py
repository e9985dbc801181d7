"""When the loop runs: an event, the row's own schedule, and a sweep that finds what both missed."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from controlplane.clusters import probe
from controlplane.clusters import services as clusters
from controlplane.clusters.models import Cluster, Trouble
from controlplane.kube.errors import Forbidden, KubeError
from tenants import services
from tenants.models import TenantNamespace

from .reconcile import not_served, reconcile
from .record import record_outage

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

SWEEP_BATCH = 1000
SWEEP_EVERY = timedelta(seconds=30)
PROBE_EVERY = timedelta(seconds=15)
TOLD: dict[str, str] = {
    Trouble.AWAY: "does not answer",
    Trouble.CREDENTIAL: "refuses our credential",
    Trouble.RIGHTS: "refuses us a right",
}


def patient(task: Callable[P, R]) -> Callable[P, R | None]:
    """A database that is locked or away is one line of the log: the clock brings the task again."""

    @wraps(task)
    def tried(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return task(*args, **kwargs)
        except OperationalError as exc:
            logger.warning(
                "%s could not be done now, and is tried again: the database does not answer (%s). If it "
                "stays so, end the other program that holds it, or start the database.",
                task.__name__, exc,
            )  # fmt: skip
            return None

    return tried


@shared_task(ignore_result=True, acks_late=True)
@patient
def reconcile_namespace(pk: int) -> None:
    """One turn for one namespace. Safe to enqueue twice: the second finds it claimed, or not due."""
    if not TenantNamespace.objects.wanting(timezone.now()).filter(pk=pk).exists():
        return  # another turn went first, and with it the next one's schedule
    wait = reconcile(pk)
    if wait is not None and wait < SWEEP_EVERY:
        # The row's own schedule, where the sweep would come too late for it.
        reconcile_namespace.apply_async((pk,), countdown=wait.total_seconds())


@shared_task(ignore_result=True)
@patient
def sweep() -> int:
    """The level trigger: enqueue what is due, whether or not its event got through."""
    now = timezone.now()
    due = TenantNamespace.objects.due(now).order_by("next_reconcile_at")
    return sum(enqueue(pk) for pk in due.values_list("pk", flat=True)[:SWEEP_BATCH])


@shared_task(ignore_result=True)
@patient
def probe_cluster(pk: int) -> None:
    """Ask one cluster; when it serves us again, its rows are due at once."""
    cluster = Cluster.objects.filter(pk=pk).first()
    if cluster is None:
        return  # removed since it was queued
    now = timezone.now()
    look = _looked(cluster)
    news = clusters.record_health(cluster, error=look.error, now=now)
    there = TenantNamespace.objects.live().filter(cluster=cluster)
    if look.error is not None:
        if news:
            logger.warning(
                "cluster %s %s: %s %s",
                cluster, TOLD[cluster.trouble], cluster.message, cluster.way_out,
            )  # fmt: skip
            ready = not_served(look.error).ready
            record_outage(services.record_unreachable(there, ready, now=now), ready)
        return
    if news:
        logger.info("cluster %s answers", cluster)
    # Where the API server moved, network policies name the address there was.
    if news or look.moved:
        services.nudge(there)
    if look.unread is not None:
        raise look.unread


@dataclass(frozen=True)
class Look:
    """What came of asking one cluster."""

    error: KubeError | None = None  # it does not serve us
    moved: bool = False
    unread: KubeError | None = None  # it does, but where its API server is could not be read now


def _looked(cluster: Cluster) -> Look:
    """Ask it, and for what a turn cannot do without: one that refuses us that does not serve us."""
    if error := probe.ask(cluster):
        return Look(error)
    try:
        return Look(moved=clusters.renew_endpoints(cluster))
    except Forbidden as exc:
        return Look(exc)
    except KubeError as exc:
        return Look(unread=exc)


@shared_task(ignore_result=True)
@patient
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
