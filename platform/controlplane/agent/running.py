"""One agent: its parts, put together, and their way out."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from controlplane.admission.loaded import Loaded
from controlplane.kube.door import Kube
from controlplane.kube.errors import KubeError

from . import scanning
from .auditlog import AuditLog, Tail
from .certifying import Certifying
from .following import Follower
from .loops import Backoff, Loop, spread
from .platform import Platform
from .posting import Outbox, Poster
from .pulling import Puller
from .replaying import Replaying
from .supervising import LOOK_EVERY, Supervisor
from .watching import EVENTS, Watching

POST_EVERY = 0.5  # a look at the webhook's spool
TAIL_EVERY = 0.3
FIRST_SCAN = 20.0  # a start has other things to do
SCAN_WHEN_BROKEN = 60.0
CERTIFY_EVERY = 600.0  # lives are of days; an alarm leaves ten of them
SOON = 45.0  # until a difference is looked at again: a change arrives everywhere within it
LAST_WORDS = 3.0  # to the platform, at the end

logger = logging.getLogger("argosy.agent")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one agent is told."""

    cluster: str
    folder: Path
    keys: Path
    audit_log: Path | None = None
    certificates: Path | None = None  # of the webhook, where there is one
    pull_every: float = 15.0
    scan_every: float = 600.0
    replay_every: float = 1200.0  # 0: never

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"


def utc_now() -> datetime:
    return datetime.now(UTC)


class Agent:
    """All of it. `run` returns after SIGTERM, when the webhook has answered its last."""

    def __init__(
        self,
        settings: Settings,
        platform: Platform,
        opening: Callable[[], Kube],
        webhook: Sequence[str] | None,
    ) -> None:
        for folder in (settings.bundle, settings.spool, settings.outbox):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings = settings
        self._opening = opening
        self._ended = threading.Event()
        self._scan_now = threading.Event()
        self._running: dict[str, list[str]] = {}
        self._objects = 0
        self._seconds = 0.0
        self._scanned_at: datetime | None = None
        self._scan_problem = ""
        self.loaded = Loaded(settings.bundle, settings.keys, cluster=settings.cluster)
        self.outbox = Outbox(settings.outbox)
        self.puller = Puller(platform, self.loaded, now=utc_now)
        self.poster = Poster(platform, self.outbox, settings.spool)
        self.replaying = Replaying(settings.cluster, self.outbox.say)
        self.webhook = Supervisor(webhook) if webhook else None
        self.certifying = self._certifying(settings) if webhook else None
        every = settings.pull_every
        self._pull_again = Backoff(min(2.0, every), min(60.0, 4 * every))
        self._post_again = Backoff(1.0, 300.0)
        watching = Watching(self.ours, self.outbox.say, utc_now)
        self._followers = [
            self._follower("v1", "Event", watching.event, fields=EVENTS),
            self._follower("argoproj.io/v1alpha1", "Workflow", watching.workflow),
        ]
        self._audit = self._audit_log(settings)
        self.loops = self._loops()

    def run(self) -> int:
        """Work until told to go."""
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: self._ended.set())
        # Before the webhook: what lies here from before is enough for it to be ready at once.
        for loop in self.loops:
            loop.start()
        while not self._ended.is_set():
            if self.webhook is not None:
                self.webhook.step()
            self._ended.wait(LOOK_EVERY)
        return self._leave()

    def ours(self, namespace: str) -> bool:
        """Whether it is a team's; before the first bundle nobody knows."""
        held = self.loaded.bundle
        return held is not None and namespace in held.namespaces

    def stuck(self) -> list[str]:
        """What gives no sign of life."""
        return [loop.name for loop in self.loops if loop.stuck]

    def not_ready(self) -> str:
        """Why nobody should count on this cluster's policies; empty if all is well."""
        return self.loaded.not_ready(utc_now())

    def measured(self) -> list[tuple[str, str, float]]:
        """What `/metrics` tells."""
        held, now = self.loaded.bundle, utc_now()
        waiting = len(self.outbox.waiting())
        values = [
            (
                "platform_well",
                "1 where the last pull brought what is newest.",
                float(not self.puller.problem),
            ),
            (
                "posts_waiting",
                "Files of sightings that the platform has not taken yet.",
                float(waiting),
            ),
            ("dropped_sightings", "Sightings nobody will read.", float(self.outbox.dropped)),
            (
                "engines_differ",
                "Canaries on which library and cluster lastingly differ.",
                float(self.replaying.differences),
            ),
            (
                "scanned_objects",
                "Objects of teams that the last scan judged.",
                float(self._objects),
            ),
            ("scan_seconds", "How long the last scan took.", self._seconds),
        ]
        if held is not None:
            age = (now - held.created).total_seconds()
            values += [
                ("bundle_version", "The policy bundle in force.", float(held.version)),
                ("bundle_age_seconds", "How long ago it was made.", age),
            ]
        if self.puller.heard_at is not None:
            silence = (now - self.puller.heard_at).total_seconds()
            values.append(("platform_silent_seconds", "Since the platform answered.", silence))
        if self.certifying is not None:
            said = "What will stop the API server from believing the webhook's certificate."
            values.append(("certificate_alarms", said, float(len(self.certifying.alarms))))
        if self.webhook is not None:
            values.append(
                ("webhook_starts", "How often the webhook was started.", float(self.webhook.starts))
            )
        return values

    def _leave(self) -> int:
        """The webhook first, for it takes longest; then what it still saw."""
        logger.info("going: the webhook answers its last")
        status = self.webhook.stop() if self.webhook is not None else 0
        last = threading.Thread(target=self.poster.step, daemon=True)
        last.start()
        # Where the platform is away it stays on the disk.
        last.join(LAST_WORDS)
        return 0 if status in {0, -signal.SIGTERM} else status

    def _loops(self) -> list[Loop]:
        loops = [
            Loop("pull", self._pull, self._ended),
            Loop("post", self._post, self._ended, wake=self.outbox.news),
            Loop("scan", self._scan, self._ended, wake=self._scan_now),
        ]
        if self.settings.replay_every:
            loops.append(Loop("replay", self._replay, self._ended))
        if self.certifying is not None:
            loops.append(Loop("certificate", partial(self._certify, self.certifying), self._ended))
        if self._audit is not None:
            loops.append(Loop("audit log", self._read_audit_log, self._ended))
        for follower in self._followers:
            loop = Loop(f"watch {follower.kind}", partial(self._follow, follower), self._ended)
            follower.beat = loop.alive
            loops.append(loop)
        return loops

    def _pull(self) -> float:
        before = self.loaded.bundle
        well = self.puller.pull()
        held = self.loaded.bundle
        if held is not None and (before is None or before.documents != held.documents):
            self._scan_now.set()
        return self._pull_again.after(well=well) or spread(self.settings.pull_every)

    def _post(self) -> float:
        return self._post_again.after(well=self.poster.step()) or POST_EVERY

    def _scan(self) -> float:
        held = self.loaded.bundle
        if held is None:
            return FIRST_SCAN
        begun, at = time.monotonic(), utc_now()
        try:
            kube = self._opening()
        except KubeError as error:
            self._scan_problem = error.sentence
            return spread(SCAN_WHEN_BROKEN)
        found = scanning.scan(kube, held, self.loaded.facts, at=at, beat=self.loops[2].alive)
        self._objects, self._seconds = found.objects, time.monotonic() - begun
        self._scan_problem, self._scanned_at = found.problem, at
        running: dict[str, list[str]] = {}
        for each in found.admitted:
            running.setdefault(each.namespace, []).append(each.image)
        self._running = running
        self.outbox.say(found.sightings, found.scanned, found.admitted)
        logger.info(
            "scanned %d objects in %.1f s: %d violations",
            found.objects,
            self._seconds,
            len(found.sightings),
        )
        return spread(SCAN_WHEN_BROKEN if found.problem else self.settings.scan_every)

    def _replay(self) -> float:
        held = self.loaded.bundle
        if held is None or self._scanned_at is None:
            return SOON
        try:
            kube = self._opening()
        except KubeError:
            return SOON
        again = self.replaying.round(kube, held, self.loaded.facts, self._running, now=utc_now())
        return SOON if again else spread(self.settings.replay_every)

    def _certify(self, certifying: Certifying) -> float:
        try:
            certifying.look(self._opening(), now=utc_now())
        except KubeError as error:
            logger.warning("the webhook's certificate was not looked at: %s", error.sentence)
        return spread(CERTIFY_EVERY)

    def _certifying(self, settings: Settings) -> Certifying | None:
        if settings.certificates is None:
            return None
        return Certifying(settings.cluster, settings.certificates, self.outbox.say)

    def _read_audit_log(self) -> float:
        if self._audit is not None:
            self._audit.step()
        return TAIL_EVERY

    def _follow(self, follower: Follower) -> float:
        # What is seen before it is known whose it is would be lost.
        if self.loaded.bundle is None:
            return 0.3
        follower.run()
        return 0.0

    def _follower(
        self, api_version: str, kind: str, tell: Callable[..., None], *, fields: str = ""
    ) -> Follower:
        return Follower(self._opening, api_version, kind, tell, self._ended, fields=fields)

    def _audit_log(self, settings: Settings) -> AuditLog | None:
        if settings.audit_log is None:
            return None
        tail = Tail(settings.audit_log, settings.folder / "audit-log.place")
        return AuditLog(tail, self.ours, self.outbox.say, utc_now)
