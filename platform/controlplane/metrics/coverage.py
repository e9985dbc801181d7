"""Of how much an answer is, and how old that may be: no sum is shown without it."""

from collections.abc import Iterable
from datetime import datetime

from controlplane.index.models import Watch

from .queries import Coverage


def is_whole(coverage: Coverage) -> bool:
    """Whether the answer is of all there is."""
    return coverage.seen == coverage.of


def words(coverage: Coverage, now: datetime) -> str:
    """`412 of 430 clusters, 18 stale since 10:42`: how many answer now, and why not all do."""
    if not coverage.of:
        return "no cluster yet"
    said = [f"{coverage.seen} of {coverage.of} cluster{'' if coverage.of == 1 else 's'}"]
    if coverage.stale:
        since = f" since {_clock(coverage.since, now)}" if coverage.since else ""
        said.append(f"{coverage.stale} stale{since}")
    if coverage.never:
        said.append(f"{coverage.never} never seen")
    return ", ".join(said)


def of_watches(clusters: Iterable[int], watches: Iterable[Watch]) -> Coverage:
    """How the watches of one kind cover these clusters. A cluster without one was never seen."""
    asked = set(clusters)
    by_cluster = {watch.cluster_id: watch for watch in watches if watch.cluster_id in asked}
    heard = [watch for watch in by_cluster.values() if watch.heard_at is not None]
    lost = [watch for watch in heard if not watch.follows]
    since = min((watch.lost_at for watch in lost), default=None)
    return Coverage(len(asked), len(heard) - len(lost), len(lost), since)


def _clock(moment: datetime, now: datetime) -> str:
    same_day = moment.date() == now.date()
    return f"{moment:%H:%M}" if same_day else f"{moment:%-d %b %H:%M}"
