"""When a namespace that somebody changed has its turn: at once, but never so that others wait for it.

Somebody may change things in a loop, and a cluster that was away may come back with all of them changed. So a
namespace has a few turns at once and then one every few seconds, and a cluster so many a second. What holds
on a whole cluster is paced as one namespace is, and waits for none: every namespace stands on it.
"""

from dataclasses import dataclass

from .places import WHOLE

SPACING = 0.5  # between two turns of one namespace; what happens meanwhile is one turn
NAMESPACE_ROOM, NAMESPACE_EVERY = 10, 5.0
CLUSTER_ROOM, CLUSTER_EVERY = 40, 0.1

Key = tuple[int, str]  # cluster, and where on it: a namespace, or one of `places`


@dataclass
class Bucket:
    """So many at once, and one more every few seconds."""

    room: int
    every: float
    left: float
    at: float

    def fill(self, now: float) -> float:
        """How many there may be now."""
        self.left = min(self.room, self.left + max(now - self.at, 0) / self.every)
        self.at = now
        return self.left


class Pace:
    """Who waits for a turn, in the order they came. Memory: a line for who waits, or had one lately."""

    def __init__(self) -> None:
        self._waiting: dict[Key, None] = {}
        self._namespaces: dict[Key, Bucket] = {}
        self._clusters: dict[int, Bucket] = {}
        self._last: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Key) -> None:
        """It wants a turn; twice is once."""
        self._waiting[key] = None

    def take(self, now: float) -> list[Key]:
        """Those whose turn may be now."""
        taken = [key for key in self._waiting if self._may(key, now)]
        for key in taken:
            del self._waiting[key]
        self._forget(now)
        return taken

    def _may(self, key: Key, now: float) -> bool:
        mine = self._namespaces.setdefault(
            key, Bucket(NAMESPACE_ROOM, NAMESPACE_EVERY, NAMESPACE_ROOM, now)
        )
        all_ = self._clusters.setdefault(
            key[0], Bucket(CLUSTER_ROOM, CLUSTER_EVERY, CLUSTER_ROOM, now)
        )
        asked = [mine] if key[1] in WHOLE else [mine, all_]
        if now - self._last.get(key, -SPACING) < SPACING or min(b.fill(now) for b in asked) < 1:
            return False
        for bucket in asked:
            bucket.left -= 1
        self._last[key] = now
        return True

    def _forget(self, now: float) -> None:
        """Whoever was quiet for long enough is as if they had never been."""
        quiet = [
            key for key, at in self._last.items() if now - at > NAMESPACE_ROOM * NAMESPACE_EVERY
        ]
        for key in quiet:
            self._last.pop(key)
            self._namespaces.pop(key, None)
