"""Of how much an answer is, and how old that may be: no sum is shown without it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controlplane.index.models import Watch


@dataclass(frozen=True)
class Coverage:
    """How many clusters an answer is of, how many were ever seen, how many of those are stale.

    `since`: when the first of the stale ones was lost sight of.
    """

    of: int
    seen: int
    stale: int = 0
    since: datetime | None = None

    @property
    def whole(self) -> bool:
        return self.seen == self.of and not self.stale

    def words(self, now: datetime) -> str:
        """`412 of 430 clusters, 18 stale since 10:42`: how many answer now, and why not all do."""
        if not self.of:
            return "no cluster yet"
        fresh = self.seen - self.stale
        said = [f"{fresh} of {self.of} cluster{'' if self.of == 1 else 's'}"]
        if self.stale:
            said.append(f"{self.stale} stale since {_clock(self.since, now)}")
        if never := self.of - self.seen:
            said.append(f"{never} never seen")
        return ", ".join(said)


def of_watches(clusters: Iterable[int], watches: Iterable[Watch]) -> Coverage:
    """How the watches of one kind cover these clusters. A cluster without one was never seen."""
    asked = set(clusters)
    by_cluster = {watch.cluster_id: watch for watch in watches if watch.cluster_id in asked}
    heard = [watch for watch in by_cluster.values() if watch.heard_at is not None]
    lost = [watch for watch in heard if not watch.follows]
    since = min((watch.lost_at for watch in lost), default=None)
    return Coverage(of=len(asked), seen=len(heard), stale=len(lost), since=since)


def _clock(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "an unknown time"
    same_day = moment.date() == now.date()
    return f"{moment:%H:%M}" if same_day else f"{moment:%-d %b %H:%M}"
