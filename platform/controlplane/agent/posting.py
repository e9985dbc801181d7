"""How does what was seen reach the platform? Files in a folder of bounded size, posted until it says yes.

A post may be repeated: the platform knows a sighting by its place and its moment. So what is on the disk
is never marked, only taken away once it was received, and whoever dies in between tells it again.
"""

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from controlplane.admission.spool import taken

from .platform import Away, Platform, Unwanted
from .seen import Admitted, Post, Scanned, Sighting

MOST = 500  # of each kind in one post; the platform takes 1,000
MOST_WAITING = 20_000  # in memory, between two writes
LARGEST = 32 * 1024 * 1024  # of the folder; the oldest goes first

logger = logging.getLogger("argosy.agent")

Record = Sighting | dict[str, Any]


class Outbox:
    """What waits for the platform. `say` may be called by any thread, and never waits for a disk."""

    def __init__(self, folder: Path, *, largest: int = LARGEST, most: int = MOST_WAITING) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.dropped = 0
        self.news = threading.Event()
        self._largest, self._most = largest, most
        self._lock = threading.Lock()
        self._said: list[Record] = []
        self._scanned: list[Scanned] = []
        self._admitted: list[Admitted] = []
        self._number = _last_number(folder)

    def say(
        self,
        sightings: Sequence[Record] = (),
        scanned: Sequence[Scanned] = (),
        admitted: Sequence[Admitted] = (),
    ) -> None:
        """Have these told. What was looked at is told after what was seen in it.

        Nothing is no news: who posts would wake itself by what it did not find, for ever.
        """
        if not (sightings or scanned or admitted):
            return
        with self._lock:
            room = max(0, self._most - len(self._said))
            self._said += sightings[:room]
            self.dropped += max(0, len(sightings) - room)
            self._scanned += scanned
            self._admitted += admitted[: max(0, self._most - len(self._admitted))]
        self.news.set()

    def keep(self) -> None:
        """Put what was said on the disk. A full disk drops it, and counts."""
        with self._lock:
            said, self._said = self._said, []
            scanned, self._scanned = self._scanned, []
            admitted, self._admitted = self._admitted, []
        posts = _cut(said, scanned, admitted)
        try:
            for post in posts:
                self._write(msgspec.json.encode(post))
        except OSError as error:
            self.dropped += len(said)
            logger.warning("%d sightings were lost: %s", len(said), error)
        self._make_room()

    def waiting(self) -> list[Path]:
        """The files, oldest first."""
        return sorted(self.folder.glob("[0-9]*.json"))

    def _write(self, data: bytes) -> None:
        self._number += 1
        file = self.folder / f"{self._number:016d}.json"
        draft = file.with_suffix(".draft")
        draft.write_bytes(data)
        draft.replace(file)

    def _make_room(self) -> None:
        files = [(file, file.stat().st_size) for file in self.waiting()]
        size = sum(bytes_ for _, bytes_ in files)
        for file, bytes_ in files:
            if size <= self._largest:
                return
            self.dropped += _sightings_in(file)
            file.unlink(missing_ok=True)
            size -= bytes_


@dataclass(slots=True)
class Poster:
    """Empties the outbox, and the spool of the webhook into it."""

    platform: Platform
    outbox: Outbox
    spool: Path | None = None
    problem: str = ""
    posted: int = 0
    _one: threading.Lock = field(default_factory=threading.Lock)

    def step(self) -> bool:
        """Take in what was said, and post all that waits. False if the platform is away."""
        with self._one:
            self._take_in()
            return self._post_all()

    def _post_all(self) -> bool:
        try:
            while files := self.outbox.waiting():
                self._post(files)
        except Away as away:
            if away.sentence != self.problem:
                logger.warning("what was seen waits: %s", away.sentence)
            self.problem = away.sentence
            return False
        self.problem = ""
        return True

    def _take_in(self) -> None:
        """Everything that is only in memory, or in the webhook's hands, onto our own disk."""
        if self.spool is not None:
            with taken(self.spool) as said:
                self.outbox.say(said)
                self.outbox.keep()
        self.outbox.keep()

    def _post(self, files: Sequence[Path]) -> None:
        """The oldest files, as many as make one post."""
        bodies: list[dict[str, list[Any]]] = []
        used: list[Path] = []
        for file in files:
            body = _read(file)
            if bodies and _largest([*bodies, body]) > MOST:
                break
            bodies.append(body)
            used.append(file)
        self._send(_merged(bodies))
        for file in used:
            file.unlink(missing_ok=True)

    def _send(self, body: dict[str, list[Any]]) -> None:
        """Post it; of what the platform will not take, all but the one thing that it minds."""
        try:
            self.platform.post(msgspec.json.encode(body))
            self.posted += 1
        except Unwanted as unwanted:
            if sum(map(len, body.values())) <= 1:
                self.outbox.dropped += 1
                logger.warning("a sighting was given up: %s", unwanted.sentence)
                return
            for half in _halves(body):
                self._send(half)


def _cut(
    said: Sequence[Record], scanned: Sequence[Scanned], admitted: Sequence[Admitted]
) -> list[Post]:
    """In posts that are taken, and in this order: a namespace is clean only after all seen in it is known."""
    posts = [Post(sightings=tuple(part)) for part in _parts(said)]
    posts += [Post(scanned=tuple(part)) for part in _parts(scanned)]
    return posts + [Post(admitted=tuple(part)) for part in _parts(admitted)]


def _parts(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[start : start + MOST] for start in range(0, len(values), MOST)]


def _merged(bodies: Sequence[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    return {key: [each for body in bodies for each in body.get(key, ())] for key in KINDS}


KINDS = ("sightings", "scanned", "admitted")


def _largest(bodies: Sequence[dict[str, list[Any]]]) -> int:
    return max(len(values) for values in _merged(bodies).values())


def _halves(body: dict[str, list[Any]]) -> list[dict[str, list[Any]]]:
    """First what was seen, then what was looked at."""
    flat = [(key, each) for key in KINDS for each in body[key]]
    middle = len(flat) // 2
    return [
        {key: [each for kind, each in half if kind == key] for key in KINDS}
        for half in (flat[:middle], flat[middle:])
    ]


def _read(file: Path) -> dict[str, list[Any]]:
    """What is in the file; nothing where the machine went down while it was written."""
    try:
        values = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _sightings_in(file: Path) -> int:
    return len(_read(file).get("sightings", ()))


def _last_number(folder: Path) -> int:
    files = sorted(folder.glob("[0-9]*.json"))
    for draft in folder.glob("*.draft"):
        draft.unlink(missing_ok=True)
    return int(files[-1].stem) if files else 0
