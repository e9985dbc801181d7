"""From the followers' news to rows, in small batches: one writer for all the clusters of a process.

SQLite has one writer at a time anyway, and PostgreSQL is spared a connection a cluster.
"""

import logging
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db import InterfaceError, OperationalError

from controlplane.clusters.models import Cluster

from . import services
from .entries import Entry
from .kinds import Kind
from .watching import Changed, Heard, Listed, News, Standing

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.1
MOST = 500  # letters a batch
WAITING = (
    5_000  # letters that followers may be ahead of the database; then they wait, and so does TCP
)
LOOK_EVERY = 0.2


@dataclass(frozen=True)
class Letter:
    """One piece of news, and what it is of."""

    cluster: Cluster
    kind: Kind
    news: News


class Inbox:
    """Where followers put their letters, and the one writer takes them out in batches."""

    def __init__(self) -> None:
        self._letters: queue.Queue[Letter] = queue.Queue(WAITING)

    def put(self, letter: Letter, ended: threading.Event) -> None:
        """Leave a letter as soon as there is room; dropped if the follower is to end meanwhile."""
        while not ended.is_set():
            with suppress(queue.Full):
                self._letters.put(letter, timeout=LOOK_EVERY)
                return

    def batch(self) -> list[Letter]:
        """What has come, in order: none after a moment of silence, else what a moment gathers."""
        try:
            letters = [self._letters.get(timeout=LOOK_EVERY)]
        except queue.Empty:
            return []
        deadline = time.monotonic() + GATHER_SECONDS
        while len(letters) < MOST and (left := deadline - time.monotonic()) > 0:
            try:
                letters.append(self._letters.get(timeout=left))
            except queue.Empty:
                break
        return letters


def write(letters: Sequence[Letter], *, now: datetime) -> None:
    """Make rows of letters: each cluster's and kind's in the order they came.

    Raises OperationalError or InterfaceError if the database is away, for then the same letters are to
    come again. Another error of one letter costs that letter alone.
    """
    for run in _runs(letters):
        try:
            _write(run, now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            if len(run) == 1:
                first = run[0]
                logger.exception("lost news of %s on %s", first.kind.name, first.cluster.name)
                continue
            for letter in run:
                write([letter], now=now)


def _runs(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """Letters that can be written together: of one cluster and kind, and of one sort of news."""
    streams: dict[tuple[int, str], list[Letter]] = {}
    for letter in letters:
        streams.setdefault((letter.cluster.pk, letter.kind.name), []).append(letter)
    for stream in streams.values():
        for _, run in groupby(stream, key=lambda letter: type(letter.news)):
            yield list(run)


def _write(run: Sequence[Letter], now: datetime) -> None:
    cluster, kind = run[0].cluster, run[0].kind
    match run[-1].news:
        case Changed():
            changes = [letter.news for letter in run if isinstance(letter.news, Changed)]
            services.put(cluster, kind, _last(changes, gone=False), now=now)
            services.gone(cluster, kind, _last(changes, gone=True), now=now)
            services.heard(cluster, kind, now=now)
        case Listed(entries, resource_version, went_back):
            services.replace_all(
                cluster,
                kind,
                entries,
                resource_version=resource_version,
                now=now,
                went_back=went_back,
            )
            services.heard(cluster, kind, now=now)
        case Heard():
            services.heard(cluster, kind, now=now)
        case Standing(in_step, message):
            services.report(cluster, kind, in_step=in_step, message=message, now=now)


def _last(changes: Iterable[Changed], *, gone: bool) -> list[Entry]:
    """What is to be kept, or forgotten, after all of these changes: the last word on each object."""
    last = {change.entry.uid: change for change in changes}
    return [change.entry for change in last.values() if change.gone is gone]
