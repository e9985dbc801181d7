"""How do denials reach the platform? As lines of a file of bounded size that the agent takes away.

The answer never waits for it: what is said is kept in memory and written by a thread. Where nobody
takes the file away, or the disk is full, lines are dropped and counted, not the answers delayed.
"""

import errno
import fcntl
import json
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec

FILE = "sightings.jsonl"
LARGEST = 8 * 1024 * 1024  # of the file; some 15,000 sightings
MOST_WAITING = 5_000  # in memory, between two writes
MOST_OF_ONE = 20  # of one object; a denial names no more of them either
MOST_BYTES = 8 * 1024 * 1024  # in memory, as they will be written
SHARE = 4  # no namespace has more than the fourth part of memory or file


class Spool:
    """The writing end: one process, many of them on one file."""

    def __init__(
        self,
        folder: Path,
        *,
        largest: int = LARGEST,
        most: int = MOST_WAITING,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.file = folder / FILE
        self._not_kept = 0  # counted by the thread that answers
        self._not_written = 0  # counted by the thread that writes
        self._largest = largest
        self._waiting: deque[tuple[str, bytes]] = deque()  # whose, and the line
        self._most = most
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._memory = _Room()
        self._disk = _Room()
        self._inode = 0

    @property
    def dropped(self) -> int:
        """How many sightings nobody will ever read."""
        return self._not_kept + self._not_written

    def say(self, sightings: Sequence[Mapping[str, Any]]) -> None:
        """Keep these for the agent. Returns at once, whatever the disk does."""
        self._not_kept += max(0, len(sightings) - MOST_OF_ONE)
        for sighting in sightings[:MOST_OF_ONE]:
            if not self._keep(sighting):
                self._not_kept += 1

    def _keep(self, sighting: Mapping[str, Any]) -> bool:
        try:
            line = msgspec.json.encode(sighting) + b"\n"
        except (TypeError, ValueError):  # half a character: this one line, and no other with it
            return False
        whose = str(sighting.get("namespace", ""))
        with self._lock:
            if len(self._waiting) >= self._most:
                return False
            if not self._memory.take(whose, len(line), self._most_bytes):
                return False
            self._waiting.append((whose, line))
        return True

    def write(self) -> None:
        """Put what waits into the file; a thread's work. A full file or disk drops it."""
        with self._lock:
            lines = list(self._waiting)
            self._waiting.clear()
            self._memory = _Room()
        if not lines:
            return
        written = 0
        try:
            with _locked(self.file, "a") as file:
                for whose, line in lines:
                    written += self._append(file, whose, line)
        except OSError:
            pass  # no folder, or a disk that is full: what was not written is counted
        self._not_written += len(lines) - written

    def _append(self, file: FileIO, whose: str, line: bytes) -> bool:
        """Whether there was room for it. All of a line or nothing: half of one would spoil the next."""
        seen = os.fstat(file.fileno())
        if seen.st_ino != self._inode or not seen.st_size:
            # A new file: the agent took the last one away.
            self._inode, self._disk = seen.st_ino, _Room(seen.st_size)
        if not self._disk.take(whose, len(line), self._largest):
            return False
        # Another process writes to it too: the file itself knows how much is in it.
        if seen.st_size + len(line) > self._largest:
            return False
        if file.write(line) != len(line):
            file.truncate(seen.st_size)
            raise OSError(errno.ENOSPC, "no room")
        return True


class _Room:
    """How much is taken, and by whom."""

    def __init__(self, taken: int = 0) -> None:
        self._all = taken
        self._by: dict[str, int] = {}

    def take(self, whose: str, count: int, most: int) -> bool:
        """Whether there is room for that much; then it is taken."""
        mine = self._by.get(whose, 0) + count
        # What belongs to no namespace at all is in nobody's way.
        if self._all + count > most or (whose and mine > most // SHARE):
            return False
        self._all += count
        self._by[whose] = mine
        return True


@contextmanager
def taken(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """The reading end: what was said since. It is gone from the file if the block ends well."""
    file, mine = folder / FILE, folder / f"{FILE}.taken"
    if not mine.exists():
        with suppress(FileNotFoundError):
            file.rename(mine)
    try:
        # A writer that had opened it before it was renamed ends its line first.
        with _locked(mine, "r") as said:
            sightings = [_sighting(line) for line in said.readall().splitlines()]
    except FileNotFoundError:
        yield []
        return
    yield [sighting for sighting in sightings if sighting]
    mine.unlink()


def _sighting(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError:
        return {}  # the machine went down while it was written
    return values if isinstance(values, dict) else {}


@contextmanager
def _locked(path: Path, mode: str) -> Iterator[FileIO]:
    """The file, ours alone. One that was renamed while we waited for it is not the one we meant."""
    while True:
        # Unbuffered: what could not be written must not be tried again when it is closed.
        with FileIO(path, mode) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                same = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except FileNotFoundError:
                same = False
            if same:
                yield file
                return
