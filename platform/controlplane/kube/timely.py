"""Until when must an answer have come? A bound on the whole of it, however it trickles.

A socket's own timeout starts anew with every byte: who sends one header line every ten seconds holds its
reader for ever. So what is read of an answer, its first line, its headers and its body, is read against one
moment. Connecting and the handshake have such a bound of their own already.
"""

import io
import socket
import time
from functools import partial
from http.client import HTTPResponse
from typing import Any, Protocol

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse


class Deadline:
    """When the whole must have come, and how long any piece of it may take."""

    def __init__(self, seconds: float) -> None:
        self.extend(seconds, idle=seconds)

    def extend(self, seconds: float, *, idle: float) -> None:
        """Count anew from now."""
        self.until, self.idle = time.monotonic() + seconds, idle

    def check(self) -> None:
        """Raise TimeoutError once it has passed."""
        if self.left <= 0:
            raise TimeoutError("the answer did not end in time")

    @property
    def left(self) -> float:
        return self.until - time.monotonic()


def keep_time(manager: PoolManager) -> None:
    """Have every connection that is opened from here on answer in time."""
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def deadline_of(response: object) -> Deadline:
    """The deadline by which the rest of this answer is read."""
    found: Deadline = vars(response)["deadline"]
    return found


class _Connection(Protocol):
    timeout: Any
    response_class: Any


def _timed(connection: _Connection) -> Deadline:
    """The deadline of the answer that comes next; it has the seconds that the request has for its reading."""
    seconds = connection.timeout
    deadline = Deadline(seconds if isinstance(seconds, int | float) else 60.0)
    connection.response_class = partial(_Answer, deadline=deadline)
    return deadline


class _Timely(HTTPConnection):
    def getresponse(self) -> Any:
        deadline = _timed(self)
        return _with(super().getresponse(), deadline)


class _TimelyTLS(HTTPSConnection):
    def getresponse(self) -> Any:
        deadline = _timed(self)
        return _with(super().getresponse(), deadline)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _Timely


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _TimelyTLS


def _with(response: BaseHTTPResponse, deadline: Deadline) -> BaseHTTPResponse:
    vars(response)["deadline"] = deadline
    return response


class _Answer(HTTPResponse):
    """Python's own, that reads from a socket which keeps the time."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: Deadline, **rest: Any) -> None:
        super().__init__(sock, *args, **rest)
        self.fp = io.BufferedReader(_Pieces(self.fp.detach(), sock, deadline))


class _Pieces(io.RawIOBase):
    """What comes from a socket, piece by piece, none of them after the deadline."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: Deadline) -> None:
        self._raw, self._sock, self._deadline = raw, sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._deadline.check()
        # Never 0, which would mean not to wait at all.
        self._sock.settimeout(min(max(self._deadline.left, 0.001), self._deadline.idle))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
