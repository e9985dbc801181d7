"""Following one kind on one cluster for ever: a whole list, then what happens after it.

What a follower learns it tells as news, in order, and touches no database: `writing` does that. So a
cluster that hangs holds up its own followers and nobody else's.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controlplane.kube.door import Event, Kube
from controlplane.kube.errors import Expired, KubeError, Refused
from controlplane.objects import Manifest

from .entries import Entry, version_of
from .kinds import Kind

logger = logging.getLogger(__name__)

# A cluster where nothing happens sends no bookmark either: only the end of a stream, and that the next one
# is opened, tells that it is still there. So streams are short, and silence soon means something.
STREAM_SECONDS = 60
PAGE = 200  # a workflow can be a megabyte
METADATA_PAGE = 1000  # a kilobyte each
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
SHORT_SECONDS = 1.0  # a stream that ends sooner is a failure: opened again at once, it would spin
STUBBORN = 3  # refusals in a row after which the place itself is doubted


@dataclass(frozen=True)
class Listed:
    """All there is, as of `resource_version`. `went_back`: that is before what was seen already."""

    entries: tuple[Entry, ...]
    resource_version: int
    went_back: bool


@dataclass(frozen=True)
class Changed:
    """One object is so now, or is gone."""

    entry: Entry
    gone: bool


@dataclass(frozen=True)
class Heard:
    """Nothing happened, and the stream lives."""


@dataclass(frozen=True)
class Standing:
    """Whether the rows follow the cluster now, and if not, why."""

    in_step: bool
    message: str = ""


News = Listed | Changed | Heard | Standing


@dataclass(frozen=True)
class Reader:
    """What is kept of each object that a stream tells of, and who is told."""

    entry: Callable[[Manifest], Entry | None]
    tell: Callable[[News], None]


class Follower:
    """One kind on one cluster. `known` is the highest resourceVersion that the index has of it.

    `beside`: who reads of the same objects, and of the same stream, another thing.
    """

    def __init__(
        self,
        kube: Kube,
        kind: Kind,
        *,
        known: int,
        tell: Callable[[News], None],
        ended: threading.Event,
        seconds: int = STREAM_SECONDS,
        beside: Sequence[Reader] = (),
    ) -> None:
        self._kube = kube
        self._kind = kind
        self._known = known
        self._readers = (Reader(kind.entry, tell), *beside)
        self._ended = ended
        self._seconds = seconds
        self._place = ""  # the resourceVersion to go on from; none: list first
        self._failures = 0

    def run(self) -> None:
        """Follow until `ended`; whatever fails is told, and tried again ever later."""
        while not self._ended.is_set():
            problem = self._try()
            if problem is not None and not self._ended.is_set():
                self._failures += 1
                self._tell(Standing(in_step=False, message=_sentence(problem)))
                if self._is_lost(problem):
                    self._place = ""
            # Who only fell behind lists at once; but not again and again.
            patient = 1 if isinstance(problem, Expired) else 0
            if self._failures > patient:
                self._ended.wait(pause(self._failures, random.random()))  # noqa: S311 - spreads load

    def follow(self) -> None:
        """One stream, to its end; before it a list, where there is no place to go on from."""
        if not self._place or self._went_back():
            self._list()
            if self._ended.is_set():
                return
        began = time.monotonic()
        stream = self._kube.watch(
            self._kind.api_version,
            self._kind.name,
            labels=self._kind.labels,
            fields=self._kind.fields,
            resource_version=self._place,
            seconds=self._seconds,
            metadata_only=self._kind.metadata_only,
        )
        self._tell(Standing(in_step=True))
        try:
            for event in stream:
                if self._ended.is_set():
                    return
                self._take(event)
        finally:
            has_lived = time.monotonic() - began >= SHORT_SECONDS
            if has_lived:
                self._failures = 0
        if not has_lived:
            self._failures += 1

    def _try(self) -> Exception | None:
        try:
            self.follow()
        except Exception as exc:  # noqa: BLE001 - the outer edge: one odd answer must not end a watch
            return exc
        return None

    def _tell(self, news: Heard | Standing) -> None:
        for reader in self._readers:
            reader.tell(news)

    def _list(self) -> None:
        kept: list[list[Entry]] = [[] for _ in self._readers]
        cursor = ""
        while not self._ended.is_set():
            page = self._kube.list_from(
                self._kind.api_version,
                self._kind.name,
                labels=self._kind.labels,
                fields=self._kind.fields,
                cursor=cursor,
                limit=METADATA_PAGE if self._kind.metadata_only else PAGE,
                metadata_only=self._kind.metadata_only,
            )
            # A page at a time, so that never all of the manifests are in memory.
            for entries, reader in zip(kept, self._readers, strict=True):
                entries += [e for m in page.items if (e := reader.entry(m)) is not None]
            cursor = page.cursor
            if not cursor:
                version = version_of(page.resource_version)
                went_back = version < self._known
                for entries, reader in zip(kept, self._readers, strict=True):
                    reader.tell(Listed(tuple(entries), version, went_back=went_back))
                self._place, self._known = page.resource_version, version
                return

    def _take(self, event: Event) -> None:
        place = event.manifest["metadata"]["resourceVersion"]
        if event.type == "BOOKMARK":
            self._tell(Heard())
        else:
            for reader in self._readers:
                if (entry := reader.entry(event.manifest)) is not None:
                    reader.tell(Changed(entry, gone=event.type == "DELETED"))
        self._place, self._known, self._failures = place, version_of(place), 0

    def _went_back(self) -> bool:
        """Whether the cluster is older than what was seen of it, as after a backup.

        Its watch would not say so: it waits in silence for versions above the one it is asked for.
        """
        now = self._kube.list_from(
            self._kind.api_version,
            self._kind.name,
            labels=self._kind.labels,
            fields=self._kind.fields,
            limit=1,
            metadata_only=self._kind.metadata_only,
        )
        return version_of(now.resource_version) < self._known

    def _is_lost(self, problem: Exception) -> bool:
        """Whether to list again: what broke off is gone on with, but not from a place that is refused."""
        if isinstance(problem, Refused):
            return isinstance(problem, Expired) or self._failures >= STUBBORN
        return not isinstance(problem, KubeError)


def pause(failures: int, luck: float) -> float:
    """Seconds to wait after so many failures in a row; `luck`, 0 to 1, keeps clusters apart."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures, 30))
    return longest * (1 + luck) / 2


def _sentence(problem: Exception) -> str:
    if isinstance(problem, KubeError):
        return problem.sentence
    logger.error("a watch met what nobody foresaw", exc_info=problem)
    return "The platform made a mistake; it is in its log."
