"""How long may whom we call keep us? Each call has an end of its own, and few are made at once.

A form chose whom we call, so the other side may be there to hold us: a timeout of each read is none, for it
sends a byte before every one. And since each try holds a thread that answers people, few are let in.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from controlplane.errors import NotNow

AT_ONCE = 2  # tries in a process; it answers people with eight threads or more


class Line:
    """A connection that can be cut from outside, whatever it waits for."""

    def __init__(self) -> None:
        self.was_cut = False
        self._socket: socket.socket | None = None

    def is_by(self, held: socket.socket) -> None:
        """The socket that is to be cut. Too late is at once."""
        self._socket = held
        if self.was_cut:
            self.cut()

    def cut(self) -> None:
        """End it: who waits on it is told that there is no more."""
        self.was_cut = True
        if self._socket is not None:
            with suppress(OSError):  # it has ended by itself
                # Of a TLS socket this one alone: its own would take the lock of who waits.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@contextmanager
def ended_after(seconds: float) -> Iterator[Line]:
    """A line that is cut after so long."""
    line = Line()
    timer = threading.Timer(seconds, line.cut)
    timer.daemon = True
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()


_trying: set[int] = set()
_lock = threading.Lock()


@contextmanager
def one_of_few(team: int) -> Iterator[None]:
    """A try of this team. Raises NotNow while it has one under way, or others have all there may be."""
    with _lock:
        if team in _trying:
            raise NotNow("A secret of this team is being tried just now: wait for its answer.")
        if len(_trying) >= AT_ONCE:
            raise NotNow(
                "Other teams' secrets are being tried just now: try again in a few seconds."
            )
        _trying.add(team)
    try:
        yield
    finally:
        with _lock:
            _trying.discard(team)
