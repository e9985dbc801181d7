"""Who acts right now, through which door, and from where: set at the edge, read where it is recorded."""

import getpass
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Act:
    """One request, command or turn. Nobody (an empty actor) is the platform itself."""

    who: Callable[[], str]
    through: Callable[[], str]
    address: str = ""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    # What was denied inside a transaction, which takes back what it wrote: written when the act is over.
    held: list[dict[str, Any]] = field(default_factory=list)


_current: ContextVar[Act | None] = ContextVar("act", default=None)


def current() -> Act | None:
    """The act under way, if one began."""
    return _current.get()


@contextmanager
def under(act: Act) -> Iterator[Act]:
    """Whatever is recorded inside is of this act."""
    before = _current.set(act)
    try:
        yield act
    finally:
        _current.reset(before)


def at_this_machine() -> Act:
    """A command that works on the database itself: whoever may, is known to this machine alone."""
    return Act(
        who=lambda: f"{getpass.getuser()} at {socket.gethostname()}", through=lambda: "command"
    )


def begin(act: Act) -> None:
    """Whatever this thread does from here on is of this act, until it ends or another begins."""
    _current.set(act)


def end() -> None:
    """No act is under way in this thread."""
    _current.set(None)
