"""What goes by and leaves nothing behind: the words processes are started with, and the broker's traffic."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.production.stores import LOOPBACK

EVERY = 0.02  # seconds: a helm lives for a few tenths of one
PIECE = 65536


@dataclass
class Seen:
    """The words and the environments of processes."""

    argv: set[bytes] = field(default_factory=set)
    environments: set[bytes] = field(default_factory=set)

    def look(self, pid: int) -> None:
        """One that ended meanwhile is none."""
        with suppress(OSError):
            self.argv.add(Path(f"/proc/{pid}/cmdline").read_bytes())
            self.environments.add(Path(f"/proc/{pid}/environ").read_bytes())


@contextmanager
def processes_seen() -> Iterator[Seen]:
    """Whatever this process started, and what that started, again and again until the end."""
    seen = Seen()

    def look() -> None:
        for pid in below(os.getpid()):
            seen.look(pid)

    with _again_and_again(look):
        yield seen


def below(pid: int) -> Iterator[int]:
    """The ids of all that this process started, and what they did."""
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for word in _children(thread):
                yield int(word)
                yield from below(int(word))


def _children(thread: Path) -> list[str]:
    try:
        return (thread / "children").read_text().split()
    except OSError:
        return []


@contextmanager
def _again_and_again(act: Callable[[], None]) -> Iterator[None]:
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(EVERY):
            act()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def traffic_of(port: int) -> Iterator[list[bytes]]:
    """Every command that the broker is given, from now on."""
    pieces: list[bytes] = []
    with socket.create_connection((LOOPBACK, port)) as tap:
        tap.sendall(b"MONITOR\r\n")
        assert tap.recv(5) == b"+OK\r\n"

        def listen() -> None:
            with suppress(OSError):
                while piece := tap.recv(PIECE):
                    pieces.append(piece)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield pieces
        finally:
            tap.shutdown(socket.SHUT_RDWR)
            thread.join()
