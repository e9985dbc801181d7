"""Hearing what `tenants` announces, and who lost or won access."""

from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from controlplane.identity.leaving import access_changed
from controlplane.identity.models import User
from tenants.signals import intent_changed

from . import shut_out
from .tasks import enqueue


@receiver(intent_changed)
def turn_soon(pk: int, **_: Any) -> None:
    """A wish changed: its turn is due now. Lost on the way, the sweep finds it."""
    enqueue(pk)


@receiver(access_changed)
def tell_argo(user: User, before: frozenset[str], after: frozenset[str], **_: Any) -> None:
    """Argo's servers go by groups of up to an hour ago: who lost one is named in the rules at once."""
    shut_out.follow(user, before=before, after=after, now=timezone.now())
