"""How do denials reach the platform? As lines of a file of bounded size that the agent takes away.

The answer never waits for it: what is said is kept in memory and written by a thread. Where nobody
takes the file away, or the disk is full, lines are dropped and counted, not the answers delayed.
"""

import errno
import fcntl
import json
import os
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


class Spool:
    """The writing end: one process, many of them on one file."""

    def __init__(self, folder: Path, *, largest: int = LARGEST, most: int = MOST_WAITING) -> None:
        self.file = folder / FILE
        self._not_kept = 0  # counted by the thread that answers
        self._not_written = 0  # counted by the thread that writes
        self._largest = largest
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._most = most

    @property
    def dropped(self) -> int:
        """How many sightings nobody will ever read."""
        return self._not_kept + self._not_written

    def say(self, sightings: Sequence[Mapping[str, Any]]) -> None:
        """Keep these for the agent. Returns at once, whatever the disk does."""
        self._not_kept += max(0, len(sightings) - MOST_OF_ONE)
        for sighting in sightings[:MOST_OF_ONE]:
            if len(self._waiting) >= self._most:
                self._not_kept += 1
            else:
                self._waiting.append(sighting)

    def write(self) -> None:
        """Put what waits into the file; a thread's work. A full file or disk drops it."""
        lines = []
        while self._waiting:
            lines.append(msgspec.json.encode(self._waiting.popleft()) + b"\n")
        if not lines:
            return
        try:
            self._append(b"".join(lines))
        except OSError:
            self._not_written += len(lines)

    def _append(self, data: bytes) -> None:
        """All of it or nothing: half a line would spoil the next one. Raises OSError."""
        with _locked(self.file, "a") as file:
            begun = os.fstat(file.fileno()).st_size
            if begun + len(data) > self._largest:
                raise OSError(errno.EFBIG, "nobody takes the sightings away")
            if file.write(data) != len(data):
                file.truncate(begun)
                raise OSError(errno.ENOSPC, "no room")


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
