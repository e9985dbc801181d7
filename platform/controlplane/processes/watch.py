"""The watcher: a thread for each stream of each cluster, and one writer, which is this thread.

Beside it, a thread that has the loop look at once where somebody changed what the platform keeps: it must
not wait for thousands of workflows to be written.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from django.db import Error, close_old_connections, connections
from django.utils import timezone

from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.index import services
from controlplane.index.guarding import Guard, Watchfulness
from controlplane.index.kinds import KINDS, STREAMS, WHOLES, Kind, Stream
from controlplane.index.watching import STREAM_SECONDS, Follower, Heard, News, Reader, Standing
from controlplane.index.writing import Inbox, Letter, write
from controlplane.kube.door import Kube
from controlplane.kube.errors import KubeError

from .nudging import Nudger

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0
AGAIN_AFTER = 1.0
STOP_SECONDS = 2.0
STOPPED = "The platform's watch is not running."

Opening = Callable[[Cluster], Kube]


def open_cluster(cluster: Cluster) -> Kube:
    """The cluster's API. Raises DomainError or KubeError if its credential cannot be used."""
    return connect(cluster).kube


def run(ended: threading.Event, *, beat: Callable[[], None] = lambda: None) -> None:
    """Watch all clusters until `ended`; `beat` is told each time the work has gone round."""
    watcher = Watcher(ended, opening=open_cluster)
    nudges = threading.Thread(target=watcher.nudger.run, args=(ended,), name="nudges", daemon=True)
    nudges.start()
    logger.info("the watch has begun")
    try:
        while not ended.is_set():
            watcher.step()
            beat()
    finally:
        watcher.stop()
        nudges.join(STOP_SECONDS)
        connections.close_all()
    logger.info("the watch has ended")


@dataclass
class Followed:
    """A cluster that is followed, by the credential it had then."""

    cluster: Cluster
    ended: threading.Event = field(default_factory=threading.Event)

    def is_still(self, cluster: Cluster) -> bool:
        """Whether this is the cluster as its followers know it."""
        mine, now = self.cluster, cluster
        return (mine.sealed_kubeconfig, mine.uid) == (now.sealed_kubeconfig, now.uid)


class Watcher:
    """Which clusters are followed, and the writing of what their followers tell."""

    def __init__(
        self,
        ended: threading.Event,
        *,
        opening: Opening,
        look_every: float = LOOK_EVERY,
        seconds: int = STREAM_SECONDS,
    ) -> None:
        self._ended = ended
        self._opening = opening
        self._look_every = look_every
        self._seconds = seconds
        self.nudger = Nudger()
        self._inbox = Inbox()
        self._followed: dict[int, Followed] = {}
        self._look_at = 0.0

    def step(self) -> None:
        """Look which clusters there are when it is time for that, and write what has come."""
        if time.monotonic() >= self._look_at:
            self._safely(self._look)
            self._look_at = time.monotonic() + self._look_every
        if letters := self._inbox.batch():
            self._safely(lambda: write(letters, now=timezone.now()))

    def stop(self) -> None:
        """Have all followers end, and say so in their rows. None is waited for: they write nothing."""
        for followed in self._followed.values():
            followed.ended.set()
        try:
            for followed in self._followed.values():
                self._say(followed.cluster, STOPPED)
        except Error:
            logger.warning("the watch ended without saying so: the database is away")
        self._followed.clear()

    def _safely(self, act: Callable[[], None]) -> None:
        """Do it, as often as it takes: a database that is away comes back, and the letters wait."""
        while True:
            close_old_connections()
            try:
                return act()
            except Error as exc:
                logger.warning("the index cannot be written now: %s", exc)
            if self._ended.wait(AGAIN_AFTER):
                return None

    def _look(self) -> None:
        clusters = {cluster.pk: cluster for cluster in Cluster.objects.all()}
        for pk, followed in list(self._followed.items()):
            if pk not in clusters or not followed.is_still(clusters[pk]):
                self._followed.pop(pk).ended.set()
        for pk, cluster in clusters.items():
            if pk not in self._followed:
                self._begin(cluster)

    def _begin(self, cluster: Cluster) -> None:
        try:
            kube = self._opening(cluster)
        except (DomainError, KubeError) as exc:
            self._say(cluster, exc.sentence)
            return
        known = {kind: services.newest(cluster, kind) for kind in KINDS}
        followed = Followed(cluster)
        tells: dict[Kind, Callable[[News], None]] = {
            kind: partial(self._take, followed, kind) for kind in KINDS
        }
        for called, kinds in WHOLES:
            whole = Watchfulness(called, kinds)
            for kind in kinds:
                tells[kind] = partial(self._guard, followed, kind, Guard(), whole)
        for stream in STREAMS:
            self._follow(followed, kube, stream, tells, known=known.get(stream.asked, 0))
        self._followed[cluster.pk] = followed

    def _follow(
        self,
        followed: Followed,
        kube: Kube,
        stream: Stream,
        tells: Mapping[Kind, Callable[[News], None]],
        *,
        known: int,
    ) -> None:
        asked = stream.asked
        follower = Follower(
            kube,
            asked,
            known=known,
            tell=tells[asked],
            ended=followed.ended,
            seconds=self._seconds,
            beside=[Reader(kind.entry, tells[kind]) for kind in stream.kinds if kind != asked],
        )
        # A daemon: it may sit in a read for minutes, and nobody waits for it.
        name = f"watch {asked.name} on {followed.cluster.name}"
        threading.Thread(target=follower.run, name=name, daemon=True).start()

    def _take(self, followed: Followed, kind: Kind, news: News) -> None:
        self._inbox.put(Letter(followed.cluster, kind, news), followed.ended)

    def _guard(
        self, followed: Followed, kind: Kind, guard: Guard, whole: Watchfulness, news: News
    ) -> None:
        if isinstance(news, Standing | Heard):
            if (said := whole.take(kind, news)) is not None:
                self._inbox.put(Letter(followed.cluster, whole.called, said), followed.ended)
        elif (changed := guard.take(news)) and not followed.ended.is_set():
            self.nudger.add(followed.cluster.pk, changed)

    def _say(self, cluster: Cluster, message: str) -> None:
        for kind in (*KINDS, *(called for called, _ in WHOLES)):
            services.report(cluster, kind, in_step=False, message=message, now=timezone.now())
