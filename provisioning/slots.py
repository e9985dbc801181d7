"""How many turns at once may be for one cluster? So that those that hang hold only their share of a worker.

Of this process alone: a share of its threads. One cluster has half of them at most, and so have all those
together that were not heard lately: when a hundred fall silent at once, nobody knows yet which they are, and
those that answer go on in the other half. A turn that finds its share taken is kept here and started when
there is room; should this process die, the sweep finds its row.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MOST_WAITING = 1000  # of one cluster; the sweep brings the others
HEARD_FOR = 15.0  # seconds that a turn which had its answers speaks for its cluster: as often as it is asked


@dataclass
class _Cluster:
    held: int = 0
    unheard: int = 0  # of those, taken while it was not known to answer
    suspect: bool = False  # the last turn that ended found it silent
    heard_at: float | None = None
    waiting: deque[int] = field(default_factory=deque)


class Slots:
    """The turns that run in this process, by cluster."""

    def __init__(self, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._clock = max(total, 1), clock
        self._clusters: dict[int, _Cluster] = {}
        self._unheard = 0  # turns that run for clusters that were not heard lately
        self._in_line: dict[
            int, None
        ] = {}  # such clusters, of which rows wait: one row each by turns
        self._lock = threading.Lock()

    def take(self, cluster: int, row: int | None) -> bool:
        """Whether this row's turn may run now; if not, `leave` names it when it may.

        None is work that is of no row; it waits for nothing, for the clock brings it again.
        """
        with self._lock:
            here = self._clusters.setdefault(cluster, _Cluster())
            bounded = self._is_bounded(here)
            if here.held < self._share(here) and not (bounded and self._room() == 0):
                here.held += 1
                here.unheard += bounded
                self._unheard += bounded
                return True
            if row is not None and row not in here.waiting and len(here.waiting) < MOST_WAITING:
                here.waiting.append(row)
                if bounded:
                    self._in_line.setdefault(cluster)
            return False

    def leave(self, cluster: int, *, silent: bool = False, heard: bool = True) -> tuple[int, ...]:
        """A turn ended; the rows whose turns come next, if some wait.

        `silent`: it got no answer; of its cluster none comes next, for its rows wait for the probe that
        brings it back. Not `heard`: it did not come so far as to ask.
        """
        with self._lock:
            here = self._clusters[cluster]
            here.held -= 1
            if here.unheard:
                here.unheard -= 1
                self._unheard -= 1
            if silent:
                here.suspect, here.heard_at = True, None
                here.waiting.clear()
            elif heard:
                here.suspect, here.heard_at = False, self._clock()
            return (*self._next_of(cluster, here), *self._next_in_line())

    def spare(self) -> tuple[int, ...]:
        """Rows for which there is room now: one that was named before had no need of it any more."""
        with self._lock:
            return tuple(self._next_in_line())

    def held(self, cluster: int) -> int:
        """How many turns run for it."""
        with self._lock:
            found = self._clusters.get(cluster)
            return found.held if found else 0

    def _next_of(self, cluster: int, here: _Cluster) -> Iterator[int]:
        """As many of its rows as it has room for; one that is not known to answer stands in line."""
        if self._is_bounded(here):
            if here.waiting:
                self._in_line.setdefault(cluster)
            return
        self._in_line.pop(cluster, None)
        for _ in range(self._share(here) - here.held):
            if here.waiting:
                yield here.waiting.popleft()

    def _next_in_line(self) -> Iterator[int]:
        """A row each of those that wait longest, as many as there is room for."""
        room = self._room()
        for cluster in list(self._in_line):
            if room <= 0:
                return
            here = self._clusters[cluster]
            if here.waiting and here.held >= self._share(here):
                continue
            del self._in_line[cluster]
            if here.waiting:
                room -= 1
                yield here.waiting.popleft()
            if here.waiting:
                self._in_line[cluster] = None  # at the end: the others come first

    def _is_bounded(self, here: _Cluster) -> bool:
        """Whether its turns are of those that share one half: it was not heard lately, and is not alone."""
        if len(self._clusters) == 1:
            return False
        return here.heard_at is None or here.heard_at < self._clock() - HEARD_FOR

    def _room(self) -> int:
        return max(self._half() - self._unheard, 0)

    def _share(self, here: _Cluster) -> int:
        """All of it while there is no other cluster, half of it beside others, one for a suspect."""
        if here.suspect:
            return 1
        return self._total if len(self._clusters) == 1 else self._half()

    def _half(self) -> int:
        return max(self._total // 2, 1)
