"""When the loop runs: an event, the row's own schedule, and a sweep that finds what both missed."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from celery import shared_task
from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone

from controlplane.clusters import probe, recording
from controlplane.clusters.models import Cluster, Trouble
from controlplane.clusters.probe import Look
from controlplane.kube.errors import KubeError
from tenants import services
from tenants.models import NamespaceQuerySet, TenantNamespace

from . import base, probing
from .reconcile import Ended, not_served, taken
from .record import record_outage
from .slots import Slots

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

SWEEP_BATCH = 1000
SWEEP_EVERY = timedelta(seconds=30)
PROBE_EVERY = timedelta(
    seconds=5
)  # for those that are due then: clusters.breaker says when each is
TEND_EVERY = timedelta(seconds=30)
HURRIED_EVERY = timedelta(seconds=1)  # until a worker has room for a look that cannot wait
TOLD: dict[str, str] = {
    Trouble.AWAY: "does not serve us",
    Trouble.CREDENTIAL: "refuses our credential",
    Trouble.RIGHTS: "refuses us a right",
    Trouble.ANOTHER: "is another Kubernetes",
}
slots = Slots(settings.CELERY_WORKER_CONCURRENCY)


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
    wanting = TenantNamespace.objects.wanting(timezone.now()).exclude(cluster__reachable=False)
    cluster = wanting.filter(pk=pk).values_list("cluster_id", flat=True).first()
    if cluster is None:
        # Another turn went first, and with it the next one's schedule; or its cluster is away.
        go_on(slots.spare())
        return
    if not slots.take(cluster, pk):
        return  # its share of this worker is taken: a turn that ends starts this one
    ended = Ended()
    try:
        ended = taken(pk)
    finally:
        go_on(slots.leave(cluster, silent=ended.silent, heard=ended.wait is not None))
    if ended.wait is not None and ended.wait < SWEEP_EVERY and not ended.silent:
        # The row's own schedule, where the sweep would come too late for it.
        reconcile_namespace.apply_async((pk,), countdown=ended.wait.total_seconds())


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
    """Ask one cluster now, whenever it is due."""
    cluster = Cluster.objects.filter(pk=pk).first()
    if cluster is not None:  # else removed since it was queued
        settle(cluster, probe.look(cluster))


@shared_task(ignore_result=True)
@patient
def probe_clusters() -> int:
    """Ask every cluster that is due: one that hangs holds up nobody."""
    return probing.ask_all(settle)


def settle(cluster: Cluster, look: Look) -> None:
    """Keep what a cluster said; when it serves us again, its rows are due at once."""
    now = timezone.now()
    news = recording.record(cluster, look, now=now)
    there = TenantNamespace.objects.live().filter(cluster=cluster)
    if cluster.reachable is False:
        if news.serves:
            logger.warning(
                "cluster %s %s: %s %s",
                cluster, TOLD[cluster.trouble], cluster.message, cluster.way_out,
            )  # fmt: skip
        # Those wished for since it went away have yet to learn what they wait for.
        _tell(there if news.serves else there.filter(conditions=[]), look.error, now)
        return
    if news.serves:
        logger.info("cluster %s answers", cluster)
    # Where the API server moved, network policies name the address there was.
    if news.serves or news.moved:
        services.nudge(there)
    if look.unread is not None:
        raise look.unread


def _tell(waiting: NamespaceQuerySet, error: KubeError | None, now: datetime) -> None:
    if error is not None:
        ready = not_served(error).ready
        record_outage(services.record_unreachable(waiting, ready, now=now), ready)


@shared_task(ignore_result=True)
@patient
def tend_base(pk: int, *, hurried: bool = False) -> None:
    """Look after the platform's own part of one cluster. `hurried`: it is asked for until somebody has."""
    cluster = Cluster.objects.serving().filter(pk=pk).first()
    if cluster is None or (hurried and not base.is_due(cluster, now=timezone.now())):
        return
    if not slots.take(pk, row=None):
        if hurried:
            tend_base.apply_async((pk,), {"hurried": True}, countdown=HURRIED_EVERY.total_seconds())
        return
    try:
        base.tend(cluster)
    finally:
        # Whether it answered is not told here, so that it is not taken for heard.
        go_on(slots.leave(pk, heard=False))


def tend_soon(pk: int) -> bool:
    """Somebody changed what the base of this cluster holds: it is looked at now. Gives whether it will be."""
    if not base.due_now(pk, now=timezone.now()):
        return False
    # Robust, because it is marked as due by then: with the broker away, the clock finds it.
    transaction.on_commit(partial(tend_base.delay, pk, hurried=True), robust=True)
    return True


@shared_task(ignore_result=True)
@patient
def tend_bases() -> None:
    """The base of every cluster for which it is time, each in a task of its own."""
    for pk in base.due():
        # What waits longer than that has been asked for again.
        tend_base.apply_async((pk,), expires=TEND_EVERY.total_seconds())


def go_on(rows: Iterable[int]) -> None:
    """The turns that waited for another one to end."""
    for row in rows:
        reconcile_namespace.delay(row)


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
