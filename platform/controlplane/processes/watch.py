"""The watcher: a thread for each kind on each cluster, and one writer, which is this thread."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from django.db import Error, close_old_connections, connections
from django.utils import timezone

from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.index import services
from controlplane.index.kinds import KINDS, Kind
from controlplane.index.watching import STREAM_SECONDS, Follower, News
from controlplane.index.writing import Inbox, Letter, write
from controlplane.kube.door import Kube
from controlplane.kube.errors import KubeError

logger = logging.getLogger(__name__)

LOOK_EVERY = 5.0
AGAIN_AFTER = 1.0
STOPPED = "The platform's watch is not running."

Opening = Callable[[Cluster], Kube]


def open_cluster(cluster: Cluster) -> Kube:
    """The cluster's API. Raises DomainError or KubeError if its credential cannot be used."""
    return connect(cluster).kube


def run(ended: threading.Event) -> None:
    """Watch all clusters until `ended`."""
    watcher = Watcher(ended, opening=open_cluster)
    logger.info("the watch has begun")
    try:
        while not ended.is_set():
            watcher.step()
    finally:
        watcher.stop()
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
        known = {kind.name: services.newest(cluster, kind) for kind in KINDS}
        followed = Followed(cluster)
        for kind in KINDS:
            follower = Follower(
                kube,
                kind,
                known=known[kind.name],
                tell=partial(self._take, followed, kind),
                ended=followed.ended,
                seconds=self._seconds,
            )
            # A daemon: it may sit in a read for minutes, and nobody waits for it.
            name = f"watch {kind.name} on {cluster.name}"
            threading.Thread(target=follower.run, name=name, daemon=True).start()
        self._followed[cluster.pk] = followed

    def _take(self, followed: Followed, kind: Kind, news: News) -> None:
        self._inbox.put(Letter(followed.cluster, kind, news), followed.ended)

    def _say(self, cluster: Cluster, message: str) -> None:
        for kind in KINDS:
            services.report(cluster, kind, in_step=False, message=message, now=timezone.now())
