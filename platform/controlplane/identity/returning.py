"""Asking about somebody who comes back after a while, before they are let in.

They may have left their groups meanwhile, and the clock does not ask about who is away. Few of the threads
that answer people may wait for the provider at once: where it is slow, the others go by what is known.
"""

import threading
import time
from datetime import timedelta

from django.utils import timezone

from . import providers, rechecking
from .asking import Silence
from .models import Grant

AT_ONCE = 4
SLOT_SECONDS = 0.5
LOOK_EVERY = 0.05
ELSEWHERE_SECONDS = 2 * rechecking.SECONDS  # as long as somebody else's question may take
QUIET_SECONDS = 10.0  # after no answer nobody waits for one, for so long


class Door:
    """How many wait for the provider in this process, and whether that is of any use now."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._quiet_until = 0.0

    def ask_about(self, grant: Grant) -> None:
        """The provider's answer is in the grant's row afterwards, if there was one to be had."""
        if time.monotonic() < self._quiet_until or not self._slots.acquire(timeout=SLOT_SECONDS):
            return
        try:
            self._ask(grant)
        finally:
            self._slots.release()

    def open(self) -> None:
        """Ask again, whatever was not answered before."""
        self._quiet_until = 0.0

    def _ask(self, grant: Grant) -> None:
        provider = providers.current()
        if provider is None:
            return
        answer = rechecking.ask_now(provider, grant)
        if answer is None:
            _wait_for_others(grant)
        elif isinstance(answer, Silence):
            self._quiet_until = time.monotonic() + QUIET_SECONDS


door = Door()


def is_due(grant: Grant, *, stale: timedelta) -> bool:
    """Whether the last question about them is too long ago for somebody who is here now."""
    return grant.checked_at < timezone.now() - stale


def _wait_for_others(grant: Grant) -> None:
    """Somebody else has the question out: their answer is ours."""
    deadline = time.monotonic() + ELSEWHERE_SECONDS
    before = grant.checked_at
    while time.monotonic() < deadline:
        if not Grant.objects.good().filter(pk=grant.pk, checked_at=before).exists():
            return
        time.sleep(LOOK_EVERY)
