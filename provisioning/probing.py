"""Asking every cluster that is due how it is: at once, bounded, and none of them waits for another.

One round takes one slot of a worker, however many clusters hang. The asking is done by threads of its own,
which hold no database: those not known to be away by some, those that are by others, so that a hundred
silent ones do not stand before one that answers. What each said is kept as it comes.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import timedelta

from django.utils import timezone

from controlplane.clusters import probe
from controlplane.clusters.models import Cluster
from controlplane.clusters.probe import Look

SERVING_LANE, AWAY_LANE = 16, 16  # threads
A_ROUND = 1000  # clusters; the next round, seconds later, takes the others
CLAIMED = timedelta(minutes=1)  # a round that takes longer has some asked twice: no harm

logger = logging.getLogger(__name__)
_round = threading.Lock()


def ask_all(settle: Callable[[Cluster, Look], None]) -> int:
    """Ask those that are due and hand over what each said; gives how many. One round at a time here."""
    if not _round.acquire(blocking=False):
        return 0  # who is due is found by the next
    try:
        return sum(_settled(found, settle) for found in _asked(_claimed()))
    finally:
        _round.release()


def _claimed() -> list[Cluster]:
    """Those that are due and that no other worker's round has taken."""
    now = timezone.now()
    due = Cluster.objects.to_ask(now).order_by("next_probe_at")[:A_ROUND]
    until = now + CLAIMED
    return [each for each in due if Cluster.objects.claim_probe(each, until=until)]


def _asked(clusters: Sequence[Cluster]) -> Iterator[tuple[Cluster, Look]]:
    """Each with what it said, the quickest first."""
    if not clusters:
        return
    with (
        ThreadPoolExecutor(SERVING_LANE, "probe") as serving,
        ThreadPoolExecutor(AWAY_LANE, "probe-away") as away,
    ):
        asked: dict[Future[Look], Cluster] = {
            (away if each.probe_failures else serving).submit(probe.look, each): each
            for each in clusters
        }
        for answer in as_completed(asked):
            try:
                yield asked[answer], answer.result()
            except Exception:  # the edge: one that breaks the asking must not end the round
                logger.exception("cluster %s: a mistake of the platform's", asked[answer])


def _settled(found: tuple[Cluster, Look], settle: Callable[[Cluster, Look], None]) -> bool:
    cluster, look = found
    try:
        settle(cluster, look)
    except Exception:  # the edge: the others' answers are kept all the same
        logger.exception("cluster %s: what it said could not be kept", cluster)
    return True
