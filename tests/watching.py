"""Letting a watcher work until something is so."""

import time
from collections.abc import Callable

from controlplane.index.models import Watch
from controlplane.processes.watch import Watcher


def until(watcher: Watcher, true: Callable[[], bool], *, within: float) -> None:
    """Take its steps; after `within` seconds the test fails with how each watch is doing."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, list(Watch.objects.values())
        watcher.step()
