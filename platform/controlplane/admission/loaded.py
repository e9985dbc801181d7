"""Which policies hold right now? The last good bundle of a folder, looked at again as it changes.

A file that cannot be believed changes nothing: what held goes on to hold, and `problem` says why.
The last good one is kept beside it, so that a restart on a bad day starts from there.
"""

import gc
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from controlplane.policies import bundle as bundles
from controlplane.policies.bundle import BUNDLE_FILE, FACTS_FILE, Bundle, BundleRefused
from controlplane.policies.decide import decide
from controlplane.policies.holding import policy_of
from controlplane.policies.verdict import Question
from controlplane.policies.verified import Verified

GOOD_FILE = "bundle.good.json"
FACTS = "facts*.json"
ALLOWED_AGE = timedelta(days=7)
NOT_YET = "No policy bundle has been loaded yet."

logger = logging.getLogger("argosy.admission")

Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(slots=True)
class Loaded:
    """The policies and verdicts of one cluster, from its folder."""

    folder: Path
    keys_file: Path
    cluster: str | None = None  # then a bundle of another cluster is refused
    allowed_age: timedelta = ALLOWED_AGE
    bundle: Bundle | None = None
    facts: Verified = field(default_factory=Verified)
    problem: str = NOT_YET
    facts_problem: str = ""
    _bundle_stamp: Stamp = ()
    _facts_stamp: Stamp = ()
    _facts_taken: set[Stamp] = field(default_factory=set)

    def look(self) -> None:
        """Take in what changed in the folder. Raises nothing: what is bad is not taken in."""
        stamp = _stamp([self.folder / BUNDLE_FILE, self.keys_file])
        if stamp != self._bundle_stamp:
            self._bundle_stamp = stamp
            self._facts_stamp = ()  # other keys may believe other facts
            self._facts_taken.clear()
            self._look_at_bundle()
        files = sorted(self.folder.glob(FACTS), key=_in_order)
        stamp = _stamp(files)
        if stamp != self._facts_stamp:
            self._facts_stamp = stamp
            self._look_at_facts(files)

    def not_ready(self, now: datetime) -> str:
        """Why nobody should ask here yet; empty if all is well. Asked anyway, the last good answers."""
        if self.bundle is None:
            return self.problem
        try:
            bundles.fresh(self.bundle, now=now, within=self.allowed_age)
        except BundleRefused as refused:
            return refused.sentence
        return ""

    def _look_at_bundle(self) -> None:
        if self.bundle is None:
            self._take_the_last_good()
        try:
            keys = bundles.read_keys(self.keys_file.read_bytes())
            self._take(self.folder / BUNDLE_FILE, keys)
        except (BundleRefused, OSError) as problem:
            self.problem = _sentence(problem)
            logger.warning("policy bundle not taken: %s", self.problem)
        else:
            self.problem = ""
            self._keep_good()

    def _take_the_last_good(self) -> None:
        """At a start: so that a bad bundle finds one in force, and an older one a newer."""
        with suppress(BundleRefused, OSError):
            keys = bundles.read_keys(self.keys_file.read_bytes())
            self._take(self.folder / GOOD_FILE, keys)

    def _take(self, file: Path, keys: Iterable[Ed25519PublicKey]) -> None:
        data = file.read_bytes()
        new = bundles.open_sealed(data, keys, cluster=self.cluster)
        if not bundles.newer(self.bundle, new):
            return
        for document in new.documents.values():
            policy_of(document)  # now, and not in the first answer that needs it
        _test_itself(new)
        self.facts.trust_epoch = new.trust_epoch
        self.bundle = new
        # What stays need not be walked through by every collection to come.
        gc.collect()
        gc.freeze()
        logger.info(
            "policy bundle %d of %s: %d policies, %d namespaces",
            new.version,
            new.created.isoformat(timespec="seconds"),
            len(new.documents),
            len(new.namespaces),
        )

    def _keep_good(self) -> None:
        """A copy of what was taken. A folder we may not write in goes without."""
        draft = self.folder / f".{GOOD_FILE}.{os.getpid()}"
        with suppress(OSError):
            data = (self.folder / BUNDLE_FILE).read_bytes()
            draft.write_bytes(data)
            draft.replace(self.folder / GOOD_FILE)

    def _look_at_facts(self, files: Iterable[Path]) -> None:
        try:
            keys = bundles.read_keys(self.keys_file.read_bytes())
            cluster = self.cluster or (self.bundle.cluster if self.bundle else None)
            # One after the other: each is let go of before the next is read.
            for file in files:
                stamp = _stamp([file])
                if stamp not in self._facts_taken:
                    delta = bundles.open_facts(file.read_bytes(), keys, cluster=cluster)
                    self.facts.add(delta)
                    self._facts_taken.add(stamp)
        except (BundleRefused, OSError) as problem:
            self.facts_problem = _sentence(problem)
            logger.warning("verified images not taken: %s", self.facts_problem)
        else:
            self.facts_problem = ""
            self._facts_taken &= {_stamp([file]) for file in files}


def _in_order(file: Path) -> tuple[bool, str]:
    """The whole list first, then what was added to it: facts.json, facts-000000000008.json, …"""
    return file.name != FACTS_FILE, file.name


def _test_itself(new: Bundle) -> None:
    """Raises BundleRefused where these policies would let in what none may: nothing at all is asked."""
    pod = {"spec": {"containers": [{"name": "c", "image": "self-test.invalid/nobody/nothing:1"}]}}
    for namespace in ("", "nobody's"):
        asked = Question("", "Pod", "CREATE", pod, namespace=namespace)
        if namespace not in new.namespaces and decide(asked, new.document_for(namespace)).allowed:
            raise BundleRefused("With this policy bundle a namespace of nobody could run an image.")


def _stamp(files: Iterable[Path]) -> Stamp:
    """What changes when one of the files does."""
    known = []
    for file in files:
        try:
            seen = file.stat()
        except OSError:
            known.append((str(file), 0, 0, 0))
        else:
            known.append((str(file), seen.st_ino, seen.st_mtime_ns, seen.st_size))
    return tuple(known)


def _sentence(problem: BundleRefused | OSError) -> str:
    if isinstance(problem, BundleRefused):
        return problem.sentence
    return f"{problem.filename} cannot be read: {problem.strerror}"
