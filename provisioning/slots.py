"""How many turns at once may be for one cluster? So that one that hangs holds only its share of a worker.

Of this process alone: a share of its threads. A turn that finds its cluster's share taken is kept here and
started when one of that cluster's ends; should this process die, the sweep finds its row.
"""

import threading
from collections import deque
from dataclasses import dataclass, field

MOST_WAITING = 1000  # of one cluster; the sweep brings the others


@dataclass
class _Cluster:
    held: int = 0
    suspect: bool = False  # the last turn that ended found it silent
    waiting: deque[int] = field(default_factory=deque)


class Slots:
    """The turns that run in this process, by cluster."""

    def __init__(self, total: int) -> None:
        self._total = max(total, 1)
        self._clusters: dict[int, _Cluster] = {}
        self._lock = threading.Lock()

    def take(self, cluster: int, row: int | None) -> bool:
        """Whether this row's turn may run now; if not, `leave` names it when it may.

        None is work that is of no row; it waits for nothing, for the clock brings it again.
        """
        with self._lock:
            here = self._clusters.setdefault(cluster, _Cluster())
            if here.held < self._share(here):
                here.held += 1
                return True
            if row is not None and row not in here.waiting and len(here.waiting) < MOST_WAITING:
                here.waiting.append(row)
            return False

    def leave(self, cluster: int, *, silent: bool = False) -> int | None:
        """A turn ended; the row whose turn comes next, if one waits. `silent`: it got no answer.

        Of a cluster that is silent none comes next: its rows wait for the probe that brings it back.
        """
        with self._lock:
            here = self._clusters[cluster]
            here.held -= 1
            here.suspect = silent
            if silent:
                here.waiting.clear()
            if here.waiting and here.held < self._share(here):
                return here.waiting.popleft()
            return None

    def held(self, cluster: int) -> int:
        """How many turns run for it."""
        with self._lock:
            found = self._clusters.get(cluster)
            return found.held if found else 0

    def _share(self, here: _Cluster) -> int:
        """All of it while there is no other cluster, half of it beside others, one for a suspect."""
        if here.suspect:
            return 1
        return self._total if len(self._clusters) == 1 else max(self._total // 2, 1)
