"""When secrets are delivered: an event, the round's own schedule, and a sweep that finds what both missed."""

from celery import shared_task
from django.utils import timezone

from provisioning.tasks import go_on, patient, slots
from tenants.models import TenantNamespace

from . import delivering, rounds

SHARE_TAKEN = 2.0  # seconds until it is tried again


@shared_task(ignore_result=True, acks_late=True)
@patient
def deliver(pk: int) -> None:
    """One round for one namespace. Safe to send twice: the second finds it claimed, or not due."""
    there = TenantNamespace.objects.live().filter(pk=pk).exclude(cluster__reachable=False)
    cluster = there.filter(paused=False).values_list("cluster", flat=True).first()
    if cluster is None:
        return
    if not slots.take(cluster, row=None):
        deliver.apply_async((pk,), countdown=SHARE_TAKEN, expires=SHARE_TAKEN * 10)
        return
    done = None
    try:
        done = delivering.deliver(pk)
    finally:
        go_on(slots.leave(cluster, silent=bool(done and done.silent)))


@shared_task(ignore_result=True)
@patient
def sweep() -> int:
    """The level trigger: every round that is due, whether or not its event got through."""
    now = timezone.now()
    rounds.begin_new(now)
    rounds.forget_gone()
    due = delivering.due_now(now)
    for pk in due:
        deliver.delay(pk)
    return len(due)
