"""Who keeps the webhook running? The agent: it starts it, starts it again, and goes only after it.

The webhook dies with the agent, so that there is never one that nobody looks after; the next agent's
listens beside it while it still answers.
"""

import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

FIRST_WAIT, LONGEST_WAIT = 0.2, 15.0
WELL_AFTER = 20.0  # seconds; who lived so long was not broken from the start
LOOK_EVERY = 0.2
GOING = 15.0  # seconds; its own way out takes 3, and the last answers

logger = logging.getLogger("argosy.agent")


@dataclass
class Supervisor:
    """One child process, kept alive."""

    command: Sequence[str]
    starts: int = 0
    _child: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _next: float = 0.0
    _wait: float = FIRST_WAIT

    def step(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Have it run: start it, or start it again when it is time."""
        now = clock()
        if self._child is not None:
            ended = self._child.poll()
            if ended is None:
                return
            self._wait = FIRST_WAIT if now - self._started > WELL_AFTER else self._wait
            logger.error("the webhook ended (%d); it is started again in %.1f s", ended, self._wait)
            self._child, self._next = None, now + self._wait
            self._wait = min(self._wait * 2, LONGEST_WAIT)
        if now >= self._next:
            self._child = subprocess.Popen([*_dying_with_us(), *self.command])
            self._started = now
            self.starts += 1

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        return self._child.pid if self._child is not None else None

    def stop(self) -> int:
        """Ask it to go, wait as long as its way out takes, and end it where it does not."""
        if self._child is None:
            return 0
        self._child.send_signal(signal.SIGTERM)
        try:
            return self._child.wait(GOING)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()


def _dying_with_us() -> tuple[str, ...]:
    """TERM and not KILL: what is under way there is still answered."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    # We may be gone before the kernel is told: then there is another parent, and nothing is started.
    ours = '[ "$PPID" = "$0" ] || exit 1; exec "$@"'
    return (setpriv, "--pdeathsig", "TERM", "--", "sh", "-c", ours, str(os.getpid()))
