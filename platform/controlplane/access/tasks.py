"""When what people have in clusters is looked at: at the news of a change, and by the clock."""

from celery import shared_task
from django.utils import timezone

from controlplane.celery import ACCESS_EVERY

from . import services
from .following import follow, is_settled
from .models import Account


@shared_task(ignore_result=True)
def follow_account(pk: int) -> None:
    """One account, in whatever state. Safe to enqueue twice: the second finds nothing to do."""
    account = Account.objects.select_related("cluster", "user").filter(pk=pk).first()
    if account is not None:
        follow(account)


@shared_task(ignore_result=True)
def follow_due() -> None:
    """Each that is due, in a task of its own: one whose cluster hangs holds up nobody."""
    for pk in Account.objects.due(timezone.now()).values_list("pk", flat=True):
        # What waits longer than that has been asked for again.
        follow_account.apply_async((pk,), expires=ACCESS_EVERY["follow_due"])


@shared_task(ignore_result=True)
def compare() -> None:
    """Those for which the rows say something else by now: a namespace came, an event got lost."""
    now = timezone.now()
    in_use = Account.objects.in_use(now).select_related("cluster", "user")
    services.mark_due((each for each in in_use if not is_settled(each, now)), now=now)
