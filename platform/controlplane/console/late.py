"""Which figures of a page may be old: what a cluster was followed for, and is no longer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.text import get_text_list

from controlplane.clusters.models import Cluster
from controlplane.index.models import Watch


@dataclass(frozen=True)
class Late:
    """A cluster whose figures here may be old: what is not followed, since when, each reason once."""

    cluster: Cluster
    kinds: str
    since: datetime
    whys: Sequence[str]


def late_of(watches: Iterable[Watch]) -> list[Late]:
    """One for each cluster. One that does not serve us has its own sentence, which explains these."""
    by_cluster: dict[Cluster, list[Watch]] = {}
    for watch in watches:
        if watch.cluster.reachable is not False:
            by_cluster.setdefault(watch.cluster, []).append(watch)
    return [
        Late(
            cluster,
            get_text_list([watch.kind for watch in late], "and"),
            min(watch.lost_at for watch in late),
            tuple(dict.fromkeys(watch.why_lost.rstrip(".") for watch in late if watch.why_lost)),
        )
        for cluster, late in by_cluster.items()
    ]
