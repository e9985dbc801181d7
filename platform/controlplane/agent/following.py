"""One kind of one cluster, from now on and without an end: list, watch, and list again where that is lost."""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from controlplane.kube.door import Kube
from controlplane.kube.errors import Expired, KubeError, Missing
from controlplane.objects import Manifest

PAGE = 100
STREAM_SECONDS = 240
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
ABSENT_WAIT = 120.0  # for a kind that this cluster does not know (yet)

logger = logging.getLogger("argosy.agent")

Opening = Callable[[], Kube]


@dataclass
class Follower:
    """Tells every object of a kind once it is there or has changed. Never ends by itself."""

    opening: Opening
    api_version: str
    kind: str
    tell: Callable[[Manifest], None]
    ended: threading.Event
    fields: str = ""
    beat: Callable[[], None] = lambda: None
    seconds: int = STREAM_SECONDS
    problem: str = ""
    _wait: float = FIRST_WAIT

    def run(self) -> None:
        """Until `ended`."""
        version = ""
        while not self.ended.is_set():
            self.beat()
            try:
                version = self._watched(version or self._listed())
                self._well()
            except Expired:
                version = ""
            except Missing:
                version = ""
                self.ended.wait(ABSENT_WAIT)
            except KubeError as error:
                self._unwell(error)

    def _listed(self) -> str:
        """Tell all there are; the version to go on from."""
        kube, cursor = self.opening(), ""
        while not self.ended.is_set():
            found = kube.list_from(
                self.api_version, self.kind, fields=self.fields, cursor=cursor, limit=PAGE
            )
            for manifest in found.items:
                self.tell(manifest)
            self.beat()
            cursor = found.cursor
            if not cursor:
                return found.resource_version
        return ""

    def _watched(self, version: str) -> str:
        if not version:
            return ""
        stream = self.opening().watch(
            self.api_version,
            self.kind,
            fields=self.fields,
            resource_version=version,
            seconds=self.seconds,
        )
        self._well()
        for event in stream:
            version = event.manifest["metadata"]["resourceVersion"]
            if event.type in {"ADDED", "MODIFIED"}:
                self.tell(event.manifest)
            if self.ended.is_set():
                break
        return version

    def _well(self) -> None:
        if self.problem:
            logger.info("%s are seen again", self.kind)
        self.problem, self._wait = "", FIRST_WAIT

    def _unwell(self, error: KubeError) -> None:
        if error.sentence != self.problem:
            logger.warning("%s are not seen: %s", self.kind, error.sentence)
        self.problem = error.sentence
        # Spread: many agents must not come back to one API server in the same moment.
        self.ended.wait(self._wait * random.uniform(0.7, 1.3))  # noqa: S311 - no secret
        self._wait = min(self._wait * 2, LONGEST_WAIT)
