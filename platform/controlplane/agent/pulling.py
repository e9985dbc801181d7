"""Which decisions does this cluster hold? The newest sealed ones, brought and looked at before they are kept.

What the platform, or whoever stands in its place, sends is opened before it touches the disk: what is
truncated, unsigned, another cluster's or older is told of and let go, and the last good one stays.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from controlplane.admission.loaded import Loaded
from controlplane.policies import bundle as bundles
from controlplane.policies.bundle import BUNDLE_FILE, Bundle, BundleRefused, FactsDelta

from .platform import Away, Platform, Unwanted

FACTS = "facts-{:012d}.json"
FULL = 256 * 1024  # bytes; a file of facts that need not be merged with later ones
MOST_SMALL = 24  # files of facts, beyond which the small ones become one
MOST_ROUNDS = 1000  # of facts in one pull: 5 million images
SAID_EVERY = timedelta(hours=1)

logger = logging.getLogger("argosy.agent")


@dataclass(slots=True)
class Puller:
    """Brings bundle and facts into the folder that `loaded` looks at."""

    platform: Platform
    loaded: Loaded
    now: Callable[[], datetime]
    problem: str = ""  # why the last pull did not bring what is in force; empty if all is well
    heard_at: datetime | None = None  # when the platform last answered as itself
    _etag: str = ""
    _said_at: datetime | None = None
    _said: str = ""

    def pull(self) -> bool:
        """Have what is newest. False if that did not work; `problem` says why, and all goes on."""
        self.loaded.look()
        try:
            self._pull_bundle()
            self._pull_facts()
        except (Away, Unwanted, BundleRefused, OSError) as problem:
            self.problem = _sentence(problem)
            self._complain()
            return False
        self.heard_at = self.now()
        if self.problem:
            logger.info("the platform's decisions arrive again")
        self.problem = ""
        self._said_at = None
        return True

    def age(self) -> timedelta | None:
        """How old what is in force is."""
        held = self.loaded.bundle
        return None if held is None else self.now() - held.created

    def _pull_bundle(self) -> None:
        # Without a tag where the file was spoilt: the platform then sends it again.
        whole = not self.loaded.problem
        answer = self.platform.bundle(self._etag if whole else "")
        if answer is None:
            return
        new = self._opened(answer.body)
        before = self.loaded.bundle
        bundles.newer(before, new)
        _write(self.loaded.folder / BUNDLE_FILE, answer.body)
        self.loaded.look()
        if self.loaded.problem:
            raise BundleRefused(self.loaded.problem)
        self._etag = answer.etag
        if before is not None and before.trust_epoch != new.trust_epoch:
            self._start_facts_anew()

    def _opened(self, data: bytes) -> Bundle:
        keys = bundles.read_keys(self.loaded.keys_file.read_bytes())
        return bundles.open_sealed(data, keys, cluster=self.loaded.cluster)

    def _pull_facts(self) -> None:
        self._drop_spoilt_facts()
        small = self._small_files()
        merging = len(small) > MOST_SMALL
        since = _version_before(small, self._files()) if merging else self.loaded.facts.version
        kept = self._bring_facts(since)
        if merging and kept:
            for file in set(small) - set(kept):
                if file.name < kept[-1].name:
                    file.unlink(missing_ok=True)
        if kept:
            self.loaded.look()
        if self.loaded.facts_problem:
            raise BundleRefused(self.loaded.facts_problem)

    def _bring_facts(self, since: int) -> list[Path]:
        """Every delta after `since`, each in its file; where they are."""
        kept: list[Path] = []
        for _ in range(MOST_ROUNDS):
            data = self.platform.facts(since)
            delta = self._opened_facts(data)
            if delta.since != since:
                raise BundleRefused(
                    f"The list of verified images goes on from {delta.since}, and {since} was asked for."
                )
            if delta.version <= since:
                break
            file = self.loaded.folder / FACTS.format(delta.version)
            _write(file, data)
            kept.append(file)
            since = delta.version
        return kept

    def _opened_facts(self, data: bytes) -> FactsDelta:
        keys = bundles.read_keys(self.loaded.keys_file.read_bytes())
        return bundles.open_facts(data, keys, cluster=self.loaded.cluster)

    def _start_facts_anew(self) -> None:
        """After a key was revoked the platform tells every fact again; what lay here says nothing more."""
        old = self._files()
        kept = self._bring_facts(0)
        for file in set(old) - set(kept):
            file.unlink(missing_ok=True)
        self.loaded.look()

    def _drop_spoilt_facts(self) -> None:
        """What comes after the last readable one is asked for again."""
        if self.loaded.facts_problem:
            for file in self._files():
                if _version(file) > self.loaded.facts.version:
                    file.unlink(missing_ok=True)
            self.loaded.look()

    def _files(self) -> list[Path]:
        return sorted(self.loaded.folder.glob("facts-*.json"))

    def _small_files(self) -> list[Path]:
        """Those at the end of the chain that one answer of the platform can take the place of."""
        small: list[Path] = []
        for file in reversed(self._files()):
            if file.stat().st_size >= FULL:
                break
            small.append(file)
        return small

    def _complain(self) -> None:
        """Once an hour, and when it is something new: how old is what holds, and why nothing newer comes."""
        now = self.now()
        due = self._said_at is None or now - self._said_at >= SAID_EVERY
        if due or self.problem != self._said:
            self._said_at, self._said = now, self.problem
            logger.warning("%s %s", self.problem, self.standing())

    def standing(self) -> str:
        """One sentence: what is in force, and how old it is."""
        held, age = self.loaded.bundle, self.age()
        if held is None or age is None:
            return "No policy bundle is here yet: what needs one is refused."
        return (
            f"Policy bundle {held.version}, made {_span(age)} ago, goes on to hold in this cluster."
        )


def _version_before(small: list[Path], files: list[Path]) -> int:
    """The version of the last file that stays."""
    staying = [file for file in files if file not in small]
    return _version(staying[-1]) if staying else 0


def _version(file: Path) -> int:
    number = file.stem.partition("-")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


def _write(file: Path, data: bytes) -> None:
    """All of it or nothing, and on the disk before it has its name."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with draft.open("wb") as new:
        new.write(data)
        new.flush()
        os.fsync(new.fileno())
    draft.replace(file)


def _sentence(problem: Exception) -> str:
    if isinstance(problem, Away | Unwanted | BundleRefused):
        return problem.sentence
    return f"The policy folder cannot be written: {problem}."


def _span(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    for unit, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"
