"""What an agent does over and over, each thing in a thread of its own, and none that may end the others."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

SPREAD = 0.2  # of an interval, to both sides: a thousand agents must not ask in the same second
STUCK_AFTER = 900.0  # seconds without a sign of life

logger = logging.getLogger("argosy.agent")


@dataclass
class Loop:
    """A step that is taken again and again; it says how many seconds later."""

    name: str
    step: Callable[[], float]
    ended: threading.Event
    wake: threading.Event | None = None  # something to do at once
    beat: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """In a thread that nobody waits for: it may sit in a read."""
        threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def alive(self) -> None:
        """A sign of life, from within a long step."""
        self.beat = time.monotonic()

    @property
    def stuck(self) -> bool:
        """Whether it gives no sign of life."""
        return time.monotonic() - self.beat > STUCK_AFTER

    def _run(self) -> None:
        while not self.ended.is_set():
            self.alive()
            try:
                wait = self.step()
            except Exception:  # the edge: whatever it is, the next step may do better
                logger.exception("%s failed, and is tried again", self.name)
                wait = 10.0
            self._rest(wait)

    def _rest(self, seconds: float) -> None:
        if self.wake is None:
            self.ended.wait(seconds)
        elif self.wake.wait(seconds):
            self.wake.clear()


def spread(seconds: float) -> float:
    """About so long."""
    return seconds * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - no secret


@dataclass
class Backoff:
    """How long to wait after failures in a row: ever longer, up to a bound."""

    first: float
    longest: float
    _failures: int = 0

    def after(self, *, well: bool) -> float:
        """Seconds until the next try; 0 after a success."""
        self._failures = 0 if well else self._failures + 1
        if well:
            return 0.0
        return spread(min(self.longest, self.first * 2 ** min(self._failures - 1, 16)))
