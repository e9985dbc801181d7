"""Hearing what the index announces."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from controlplane.index.signals import Ended, workflows_ended

from . import usage


@receiver(workflows_ended)
def count(ended: Sequence[Ended], now: datetime, **_: Any) -> None:
    """What they used is added up in the transaction that keeps their rows: both, or neither."""
    usage.count(ended, now=now)
