"""When clusters are brought their policies: at the news of a namespace or of a change, and by the clock."""

from functools import partial

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from controlplane.celery import POLICIES_EVERY
from controlplane.clusters.models import Cluster

from . import delivering


@shared_task(ignore_result=True)
def bring_policies(pk: int, inputs: str = "") -> None:
    """One cluster, unless it is away. Safe to enqueue twice: the second finds it claimed, or done."""
    cluster = Cluster.objects.serving().filter(pk=pk).first()
    if cluster is None:
        return
    looked = delivering.bring(cluster, now=timezone.now(), inputs=inputs)
    if looked and delivering.is_due(pk, now=timezone.now()):
        # Somebody's hand was seen meanwhile, and who was sent for that found the cluster claimed.
        bring_policies.apply_async((pk,), expires=POLICIES_EVERY)


def bring_soon(pk: int) -> bool:
    """Somebody changed what this cluster was brought: it is looked at now. Gives whether it will be."""
    if not delivering.due_now(pk, now=timezone.now()):
        return False
    # Robust, because it is marked as due by then: with the broker away, the clock finds it.
    bring = partial(bring_policies.apply_async, (pk,), expires=POLICIES_EVERY)
    transaction.on_commit(bring, robust=True)
    return True


@shared_task(ignore_result=True)
def look_at_policies() -> None:
    """Every cluster that may need it, each in a task of its own: one that hangs holds up nobody."""
    for pk, inputs in delivering.waiting(timezone.now()):
        # What waits longer than that has been asked for again.
        bring_policies.apply_async((pk, inputs), expires=POLICIES_EVERY)
