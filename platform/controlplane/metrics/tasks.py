"""What of usage is written down by the clock: how often is said in `controlplane.celery`."""

from celery import shared_task
from django.utils import timezone

from provisioning.tasks import patient

from . import missed, quota_history, usage


@shared_task(ignore_result=True)
@patient
def remember_quotas() -> None:
    """Quotas and promises as they are now. Twice is once: it is one row an hour."""
    quota_history.remember(timezone.now())


@shared_task(ignore_result=True)
@patient
def remember_missed_runs() -> None:
    """The runs that did not come until now. Twice is once: a run is counted once."""
    missed.remember(timezone.now())


@shared_task(ignore_result=True)
@patient
def forget() -> None:
    """What is older than it is kept for."""
    now = timezone.now()
    usage.forget(now)
    quota_history.forget(now)
    missed.forget(now)
