"""When the provider is asked again: by the clock, about everybody who is here."""

import threading
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from . import grants, providers, rechecking, vouching

A_ROUND_AT_MOST = timedelta(seconds=20)
# A worker that is still at it needs no second one beside it; another worker's is held off by its claims.
_at_it = threading.Lock()


@shared_task(ignore_result=True)
def recheck() -> None:
    """Everybody who is due. Twice at once is once: a grant is asked about by one at a time."""
    if not _at_it.acquire(blocking=False):
        return
    try:
        now = timezone.now()
        rechecking.let_lapse(now=now, out=vouching.limits().out)
        if rechecking.due(now).exists() and (provider := providers.current()):
            rechecking.go_round(provider, until=now + A_ROUND_AT_MOST)
    finally:
        _at_it.release()


@shared_task(ignore_result=True)
def forget_grants() -> None:
    """Sign-ins that ended long ago, and those that nobody has come back to."""
    grants.forget(timezone.now())
