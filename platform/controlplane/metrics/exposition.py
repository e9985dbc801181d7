"""The platform's own figures for a scraper: of the newest snapshot, with its age.

A scrape reads no row and asks no cluster: a thread takes a snapshot every 10 s, and while the database is
away the last one grows old, which is said.
"""

import logging
import threading
from collections.abc import Iterator, Mapping

from django.db import Error, close_old_connections
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controlplane import __version__

from .counting import REGISTRY
from .identity import BUDGET
from .snapshot import Snapshot, take

EVERY = 10.0
FIRST_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Snapshots:
    """The newest snapshot, and the thread that takes them; begun with the first look."""

    def __init__(self, *, every: float = EVERY) -> None:
        self._every = every
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._there = threading.Event()
        self._newest: Snapshot | None = None

    def newest(self) -> Snapshot | None:
        """The newest one; None if there has not been any yet."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)
                self._thread.start()
        self._there.wait(FIRST_SECONDS)
        return self._newest

    def keep(self, snapshot: Snapshot) -> None:
        """This is the newest."""
        self._newest = snapshot
        self._there.set()

    def end(self) -> None:
        """Take no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(FIRST_SECONDS)

    def _run(self) -> None:
        while not self._ended.is_set():
            close_old_connections()
            try:
                self.keep(take(timezone.now()))
            except Error as exc:
                logger.warning("no snapshot could be taken for /metrics: %s", exc)
            self._ended.wait(self._every)


snapshots = Snapshots()


def exposed(snapshot: Snapshot | None) -> bytes:
    """All of it as text: what the snapshot holds, and what this process counted."""
    registry = CollectorRegistry()
    registry.register(Platform(snapshot))
    return generate_latest(registry) + generate_latest(REGISTRY)


class Platform(Collector):
    """A snapshot as metrics. Labels are of bounded sets: phases, outcomes, codes; never a name."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Every family; without a snapshot no more than that there is none."""
        yield _by("argosy_build", "Which Argosy this is.", ("version",), {(__version__,): 1})
        yield _one("argosy_series_budget", "Recorded series a cluster may have.", BUDGET)
        yield _one(
            "argosy_snapshot_taken", "Whether there is a snapshot at all.", bool(self._snapshot)
        )
        if self._snapshot is not None:
            yield from _families(self._snapshot)


def _families(seen: Snapshot) -> Iterator[Metric]:
    age = (timezone.now() - seen.at).total_seconds()
    yield _one("argosy_snapshot_age_seconds", "How old all of this is.", age)
    yield _by("argosy_namespaces", "Namespaces, by phase.", ("phase",), _words(seen.namespaces))
    yield _by(
        "argosy_clusters", "Clusters, by whether or why not they serve us.", ("state",),
        _words(seen.clusters),
    )  # fmt: skip
    open_ones = sum(not up for up, _ in seen.each_cluster.values())
    yield _one("argosy_breakers_open", "Clusters that no turn is taken for.", open_ones)
    yield _by(
        "argosy_cluster_up", "Whether a cluster serves us, as far as was asked.", ("cluster",),
        {(name,): up for name, (up, _) in seen.each_cluster.items()},
    )  # fmt: skip
    yield _by(
        "argosy_cluster_namespaces", "Namespaces on a cluster.", ("cluster",),
        {(name,): count for name, (_, count) in seen.each_cluster.items()},
    )  # fmt: skip
    yield _by(
        "argosy_clusters_scheduling", "Clusters, by whether namespaces come.", ("scheduling",),
        _words(seen.scheduling),
    )  # fmt: skip
    turns = {(outcome,): told for outcome, told in seen.turns.items()}
    yield _by(
        "argosy_turns_recent", "Turns of the last 10 minutes, by outcome.", ("outcome",),
        {key: told.count for key, told in turns.items()},
    )  # fmt: skip
    yield _by(
        "argosy_turn_seconds_mean", "How long those took.", ("outcome",),
        {key: told.mean_seconds for key, told in turns.items()},
    )  # fmt: skip
    yield _by(
        "argosy_turn_seconds_longest", "How long the longest of them took.", ("outcome",),
        {key: told.longest_seconds for key, told in turns.items()},
    )  # fmt: skip
    yield _one("argosy_wishes_behind", "Namespaces not acted on since asked.", seen.wishes_behind)
    yield _one("argosy_turns_queued", "Turns that wait for a worker.", seen.queued)
    yield _one("argosy_queue_age_seconds", "How long the oldest of them waits.", seen.queue_seconds)
    yield _one("argosy_requests_waiting", "Requests nobody decided.", seen.requests_waiting)
    yield _one(
        "argosy_request_age_seconds", "How long the oldest of them waits.", seen.request_seconds
    )
    yield _one("argosy_exemptions_waiting", "Exemptions nobody decided.", seen.exemptions_waiting)
    yield _by(
        "argosy_violations", "Violations of image rules, by rule and state.", ("code", "state"),
        {(code, state): count for (code, state), count in seen.violations.items()},
    )  # fmt: skip
    yield _one("argosy_watches_late", "Watches that follow no more.", seen.watches_late)


def _words(counted: Mapping[str, int]) -> Mapping[tuple[str, ...], float]:
    return {(word,): count for word, count in counted.items()}


def _one(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=float(value))


def _by(
    name: str, told: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> Metric:
    family = GaugeMetricFamily(name, told, labels=labels)
    for key, value in values.items():
        family.add_metric(key, float(value))
    return family
