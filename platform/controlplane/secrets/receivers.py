"""Hearing that secrets changed, and that a namespace was made or is to be gone."""

from typing import Any

from django.dispatch import receiver

from .signals import rounds_due
from .tasks import deliver


@receiver(rounds_due)
def deliver_soon(namespaces: list[int], **_: Any) -> None:
    """A secret changed: its namespaces are due now. Lost on the way, the sweep finds them."""
    for pk in namespaces:
        deliver.delay(pk)
