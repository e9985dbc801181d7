"""Saying whom one waits for, as soon as it takes longer than people look at a cursor."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

AFTER = 2.0  # seconds
terminal = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def waiting(
    whom: str, *, at_most: float, after: float = AFTER, out: Console = terminal
) -> Iterator[None]:
    """While this takes longer than `after` seconds, a person at a terminal is told; a program is not."""
    told = threading.Timer(
        after, out.print, [f"{whom} has not answered yet; {at_most:.0f} s at most …"]
    )
    told.daemon = True
    if out.is_terminal:
        told.start()
    try:
        yield
    finally:
        told.cancel()
