"""Sealing by the clock: how often is said in `controlplane.celery`."""

from celery import shared_task
from django.utils import timezone

from . import heads, sealing
from .heads import Head
from .models import Seal


@shared_task(ignore_result=True)
def seal_what_was_recorded(*, thorough: bool = False) -> None:
    """Grow the chain, and tell where it ends. Two at once is one: the second finds its number taken."""
    sealing.seal(now=timezone.now(), thorough=thorough)
    # Told also when nothing was new: a receiver that was away is told again.
    if newest := Seal.objects.order_by("-number").first():
        heads.tell(Head(newest.number, newest.digest, newest.sealed_at))
