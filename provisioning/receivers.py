"""Hearing what `tenants` announces."""

from typing import Any

from django.dispatch import receiver

from tenants.signals import intent_changed

from .tasks import enqueue


@receiver(intent_changed)
def turn_soon(pk: int, **_: Any) -> None:
    """A wish changed: its turn is due now. Lost on the way, the sweep finds it."""
    enqueue(pk)
