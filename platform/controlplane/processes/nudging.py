"""Having the loop look at once where somebody changed what the platform keeps."""

import logging
import threading
import time
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from django.db import Error, close_old_connections, connections

from controlplane.index.pacing import Key, Pace
from controlplane.index.places import BASE, IMAGE_POLICIES
from controlplane.policies.tasks import bring_soon
from provisioning.tasks import tend_soon
from tenants import services
from tenants.names import CONTROL_SUFFIX

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.1  # while somebody waits for their turn
IDLE_SECONDS = 1.0
AGAIN_AFTER = 1.0
LOOKS = {BASE: tend_soon, IMAGE_POLICIES: bring_soon}  # at what holds on a whole cluster


class Nudger:
    """Told by many threads where something changed; one thread makes those places due."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._news = threading.Condition()

    def __len__(self) -> int:
        """How many places wait for their turn."""
        return len(self._pace)

    def add(self, cluster: int, namespaces: Iterable[str]) -> None:
        """Something of ours was changed in these places: namespaces, workload or control, or `places`."""
        with self._news:
            for name in namespaces:
                self._pace.add((cluster, name.removesuffix(CONTROL_SUFFIX)))
            self._news.notify()

    def run(self, ended: threading.Event) -> None:
        """Nudge until `ended`."""
        try:
            while not ended.is_set():
                self.step()
        finally:
            connections.close_all()

    def step(self) -> int:
        """Make due what may be; waits a little where nothing may. Gives how many are due by it."""
        keys = self._take()
        try:
            return _nudge(keys)
        except Error as exc:
            logger.warning("changed namespaces cannot be made due now: %s", exc)
        with self._news:
            for key in keys:
                self._pace.add(key)
        time.sleep(AGAIN_AFTER)
        return 0

    def _take(self) -> list[Key]:
        with self._news:
            if taken := self._pace.take(time.monotonic()):
                return taken
            self._news.wait(LOOK_EVERY if len(self._pace) else IDLE_SECONDS)
            return self._pace.take(time.monotonic())


def _nudge(keys: Iterable[Key]) -> int:
    close_old_connections()
    found = 0
    for cluster, mine in groupby(sorted(keys), key=itemgetter(0)):
        names = [name for _, name in mine]
        found += sum(LOOKS[name](cluster) for name in names if name in LOOKS)
        found += services.nudge_changed(cluster, [name for name in names if name not in LOOKS])
    return found
