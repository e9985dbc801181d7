"""The embedded metrics engine: a real Prometheus beside the platform, configured from its rows.

It runs while the platform runs. What it keeps lies in the home, and has an end: fifteen days, two gigabytes.
Whatever is wrong with it (not built, a full disk, a rule it refuses) is a line of the log and the sentence
that pages show in place of charts: nothing else waits for it.
"""

import logging
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import Error, close_old_connections, connections
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.kube.errors import KubeError
from controlplane.metrics import credentials, files, tokens
from controlplane.metrics.alerts import alert_file
from controlplane.metrics.credentials import keep
from controlplane.metrics.engine import address_file, reason_file
from controlplane.metrics.recording import rule_file
from controlplane.metrics.scraping import Member, Self, embedded
from localcluster.build import metrics_programs
from localcluster.errors import LocalClusterError, last_lines
from localcluster.processes import Daemon
from localcluster.slots import is_free

LOOK_EVERY = 2.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
CHECK_SECONDS = 30
KEPT_FOR, KEPT_BYTES = "15d", "2GB"
QUERY_SECONDS, QUERIES, QUERY_SAMPLES = "8s", 8, 5_000_000
LOOPBACK = "127.0.0.1"
# Below those that the system gives to whoever calls: one of these is not taken while the engine is away.
PORTS = range(20_500, 21_000)
BEING_BUILT = (
    "The metrics engine is being built: once, for some minutes. Charts come by themselves."
)
TARGETS = "/api/v1/metrics/targets/{}/"

logger = logging.getLogger(__name__)


def run(ended: threading.Event, *, url: str) -> None:
    """Keep the engine of this home running until `ended`, and end it then."""
    if settings.METRICS_URL:
        return  # there is one elsewhere
    folder = Path(settings.HOME) / "metrics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep(reason_file(), BEING_BUILT.encode())
    try:
        programs = metrics_programs()
    except LocalClusterError as problem:
        keep(reason_file(), f"There are no metrics: {problem}".encode())
        logger.warning("there are no metrics: %s", problem)
        return
    keeper = Keeper(programs, folder, url)
    reason_file().unlink(missing_ok=True)
    try:
        while not ended.wait(LOOK_EVERY):
            close_old_connections()
            keeper.safely()
    finally:
        keeper.stop()
        connections.close_all()


@dataclass
class Keeper:
    """Has the engine running, by a configuration that follows the clusters there are."""

    programs: Path
    folder: Path
    url: str  # of the platform
    _next: float = 0.0
    _wait: float = FIRST_WAIT
    _told: dict[str, str] = field(default_factory=dict)
    _tried: dict[str, float] = field(default_factory=dict)

    @property
    def daemon(self) -> Daemon:
        """The engine's process."""
        return Daemon(self.folder, "prometheus")

    def safely(self) -> None:
        """Look after it once; what cannot be done now is said, and tried again."""
        try:
            self.step()
        except (Error, OSError, DomainError, LocalClusterError) as problem:
            self._say("engine", str(problem))
        except Exception as problem:  # noqa: BLE001 - the edge: who keeps the engine must not end, and it with him
            self._say("engine", f"{type(problem).__name__}: {problem}")

    def step(self) -> None:
        """Look after it once."""
        port = self._port()
        changed = self._configure(port)
        identity = self.daemon.running()
        if identity is None:
            self._start(port)
            return
        if time.monotonic() > self._next:
            self._wait = FIRST_WAIT  # it stayed: should it fall, that is another fall
        if changed:
            with suppress(ProcessLookupError):
                os.kill(identity.pid, signal.SIGHUP)

    def stop(self) -> None:
        """End it; its data stays."""
        address_file().unlink(missing_ok=True)
        self.daemon.stop()

    def command(self, port: int) -> list[str | Path]:
        """The engine's command line: on loopback, with bounds on what it keeps and what a query may cost."""
        return [
            self.programs / "prometheus",
            f"--config.file={self.folder / files.CONFIG}",
            f"--web.listen-address={LOOPBACK}:{port}",
            "--web.max-connections=64",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--storage.tsdb.retention.time={KEPT_FOR}",
            f"--storage.tsdb.retention.size={KEPT_BYTES}",
            f"--query.timeout={QUERY_SECONDS}",
            f"--query.max-concurrency={QUERIES}",
            f"--query.max-samples={QUERY_SAMPLES}",
            "--log.level=warn",
        ]

    def _start(self, port: int) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._wait
        self._wait = min(self._wait * 2, LONGEST_WAIT)
        if self.daemon.pid_file.exists():
            self._say("engine", f"it ended, and is started again.{last_lines(self.daemon.log)}")
        self.daemon.start(self.command(port))
        keep(address_file(), f"http://{LOOPBACK}:{port}".encode())
        logger.info("the metrics engine was started at http://%s:%d", LOOPBACK, port)

    def _configure(self, port: int) -> bool:
        """Write what it reads; True if that is another configuration, which the checker passed."""
        keep(self.folder / "own.token", tokens.for_exposition().encode())
        rules = keep(self.folder / files.RULES, files.as_yaml(rule_file()).encode())
        alerts = keep(self.folder / files.ALERTS, files.as_yaml(alert_file()).encode())
        host = self.url.partition("://")[2]
        own = Self(host, self.folder / "own.token", f"{LOOPBACK}:{port}")
        members = [m for m in map(self._member, Cluster.objects.all()) if m is not None]
        self._forget({member.name for member in members})
        config = embedded(members, own, rules=[files.RULES, files.ALERTS])
        wanted = files.as_yaml(config).encode()
        there = self.folder / files.CONFIG
        if there.exists() and there.read_bytes() == wanted:
            return rules or alerts
        draft = self.folder / "next.yml"  # beside the rules, which it names from where it is
        keep(draft, wanted)
        self._check(draft)
        draft.replace(there)
        return True

    def _check(self, draft: Path) -> None:
        """Raises LocalClusterError: the engine goes on with what it had."""
        try:
            done = subprocess.run(
                [self.programs / "promtool", "check", "config", draft],
                capture_output=True,
                text=True,
                check=False,
                timeout=CHECK_SECONDS,
            )
        except subprocess.TimeoutExpired as late:
            raise LocalClusterError(
                f"the engine's configuration was not checked within {CHECK_SECONDS} s; the one before holds"
            ) from late
        if done.returncode:
            said = (done.stderr + done.stdout).strip()[-600:]
            raise LocalClusterError(f"the engine's configuration is not taken: {said}")

    def _member(self, cluster: Cluster) -> Member | None:
        """A cluster as the engine reaches it; None where our credential for it cannot be opened."""
        folder = self.folder / "clusters" / cluster.name
        try:
            known = credentials.prepare(folder, cluster)
        except (DomainError, ValueError, KeyError) as problem:
            self._say(cluster.name, f"it cannot be scraped: {problem}")
            return None
        self._renewed(folder, cluster)
        return Member(
            cluster.name, self.url + TARGETS.format(cluster.name), folder, known.server_name
        )

    def _forget(self, known: set[str]) -> None:
        """No token stays of a cluster that was removed, or whose credential cannot be opened any more."""
        there = self.folder / "clusters"
        for left in there.iterdir() if there.is_dir() else ():
            if left.name not in known:
                shutil.rmtree(left, ignore_errors=True)

    def _renewed(self, folder: Path, cluster: Cluster) -> None:
        if cluster.simulated or cluster.reachable is False:
            return  # nothing is scraped there, or nobody answers
        if not credentials.is_due(folder, cluster, timezone.now()):
            return
        if time.monotonic() < self._tried.get(cluster.name, 0.0):
            return
        self._tried[cluster.name] = time.monotonic() + LONGEST_WAIT
        try:
            credentials.renew(folder, cluster)
        except (KubeError, DomainError) as problem:
            self._say(cluster.name, f"no token to scrape it with: {problem.sentence}")
        else:
            self._told.pop(cluster.name, None)

    def _say(self, about: str, problem: str) -> None:
        """Once, until it is another problem."""
        if self._told.get(about) != problem:
            self._told[about] = problem
            logger.warning("metrics of %s: %s", about, problem)

    def _port(self) -> int:
        """The port it has, or had; a free one where that is somebody else's now."""
        kept = self.folder / "port"
        with suppress(OSError, ValueError):
            port = int(kept.read_text(encoding="ascii"))
            if self.daemon.running() is not None or is_free(port):
                return port
        port = next(filter(is_free, random.sample(PORTS, len(PORTS))))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        keep(kept, str(port).encode())
        return port
