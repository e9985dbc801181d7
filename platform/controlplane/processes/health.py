"""Does a process without pages do its work? Asked over HTTP by whoever runs it.

The work itself beats: a loop that hangs is seen, where a thread that answers for it would say all is well.
What holds it from outside (a broker or a database that is away) is no reason to end it: it is not ready
then, and lives.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import Error, connection
from kombu.exceptions import OperationalError

from controlplane.agent import health
from controlplane.celery import app

from .beginning import CannotBegin

PATIENCE = 60.0  # seconds without a beat, where nothing outside holds it
ASK_SECONDS = 2.0

Asking = Callable[[], str]  # a sentence if what it asks does not answer


@dataclass
class Pulse:
    """When the work last went round."""

    _last: float = field(default_factory=time.monotonic)
    _begun: bool = False

    def beat(self) -> None:
        """The work goes on."""
        self._last, self._begun = time.monotonic(), True

    def silence(self) -> float:
        """Seconds since the last beat, or since there is a process at all."""
        return time.monotonic() - self._last

    @property
    def begun(self) -> bool:
        """Whether it ever beat."""
        return self._begun


@dataclass(frozen=True)
class Health:
    """What a process says of itself."""

    pulse: Pulse
    outside: Sequence[Asking]
    patience: float = PATIENCE

    def not_ready(self) -> str:
        """Why it cannot do its work now; empty if it can."""
        if away := self._away():
            return away
        if not self.pulse.begun:
            return "It is starting."
        return self._silent()

    def stuck(self) -> list[str]:
        """Why only a new process would help; empty while that would change nothing."""
        silent = self._silent()
        return [silent] if silent and not self._away() else []

    def _silent(self) -> str:
        silence = self.pulse.silence()
        return f"Its work has not gone on for {silence:.0f} s." if silence > self.patience else ""

    def _away(self) -> str:
        return next(filter(None, (ask() for ask in self.outside)), "")


def serve(address: str, health_of: Health) -> None:
    """Answer `/livez` and `/readyz` at HOST:PORT, from a thread, for as long as the process lives.

    Raises OSError where the port is taken, and CannotBegin where that is no address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise CannotBegin(f"Health is answered at an address such as 0.0.0.0:9444, not {address}.")
    health.serve(
        host.strip("[]"),
        int(port),
        stuck=health_of.stuck,
        not_ready=health_of.not_ready,
        measured=lambda: (),
    )


def database() -> str:
    """A sentence, if the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "The database does not answer."
    finally:
        connection.close()  # the thread that asked ends with its answer
    return ""


def broker() -> str:
    """A sentence, if the broker does not answer."""
    try:
        with app.connection_for_write(connect_timeout=ASK_SECONDS) as asked:
            # With Redis this is a PING, and not just an open port.
            asked.ensure_connection(max_retries=1, timeout=int(ASK_SECONDS))
    except OperationalError:
        return "The broker does not answer."
    return ""
