"""What was refused to people? The API server's own audit log says it, where that server is ours to start.

On a managed cluster there is no such file, and a person's own denied command is seen by that person alone.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any

from controlplane.policies.places import KINDS

from .denials import By, denial_in
from .seen import Sighting, mapping, moment
from .watching import told

REFUSED = 400
PIECE = 256 * 1024
LONGEST_LINE = 1024 * 1024
PLURALS = {kind.lower() + "s": kind for _, kind in KINDS}


def sightings_in_line(line: bytes, *, now: datetime) -> list[Sighting]:
    """What an entry says that we refused; a line that is none says nothing."""
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return []
    entry = mapping(entry)
    answer, about = mapping(entry.get("responseStatus")), mapping(entry.get("objectRef"))
    code, said = answer.get("code"), answer.get("message")
    if not isinstance(code, int) or code < REFUSED or not isinstance(said, str):
        return []
    denial = denial_in(said)
    if denial is None or denial.by is By.WEBHOOK or "dryRun=All" in str(entry.get("requestURI")):
        return []
    resource = str(about.get("resource") or "")
    return told(
        denial,
        namespace=str(about.get("namespace") or ""),
        kind=PLURALS.get(resource, resource),
        name=str(about.get("name") or denial.name),
        source="audit-log",
        at=moment(entry.get("stageTimestamp"), entry.get("requestReceivedTimestamp")) or now,
    )


@dataclass
class Tail:
    """A log file that is written on, and now and then begun anew under its name."""

    file: Path
    place: Path  # where we keep how far we read
    _open: FileIO | None = None
    _rest: bytes = b""
    _at: int = 0

    def lines(self) -> Iterator[bytes]:
        """What was written since, whole lines only."""
        if self._open is None and not self._begin():
            return
        yield from self._whole()
        if self._replaced():
            # The one we read was ended first, then renamed: nothing more comes there.
            yield from self._whole()
            self.close()
            if self._begin():
                yield from self._whole()

    def keep(self) -> None:
        """Remember how far all was told."""
        if self._open is None:
            return
        said = {"inode": os.fstat(self._open.fileno()).st_ino, "at": self._at - len(self._rest)}
        draft = self.place.with_suffix(".draft")
        with suppress(OSError):
            draft.write_text(json.dumps(said), encoding="utf-8")
            draft.replace(self.place)

    def _begin(self) -> bool:
        try:
            self._open = FileIO(self.file)
        except OSError:
            return False
        known = _known(self.place)
        stat = os.fstat(self._open.fileno())
        same = known.get("inode") == stat.st_ino and 0 <= int(known.get("at", -1)) <= stat.st_size
        self._at = int(known["at"]) if same else 0
        self._open.seek(self._at)
        return True

    def close(self) -> None:
        """Let go of the file; read on later, it is opened again."""
        if self._open is not None:
            self._open.close()
        self._open, self._rest, self._at = None, b"", 0

    def _replaced(self) -> bool:
        if self._open is None:
            return False
        try:
            return not os.path.samestat(os.fstat(self._open.fileno()), self.file.stat())
        except OSError:
            return True

    def _whole(self) -> Iterator[bytes]:
        while self._open is not None and (piece := self._open.read(PIECE)):
            self._at += len(piece)
            *lines, self._rest = (self._rest + piece).split(b"\n")
            yield from lines
            if len(self._rest) > LONGEST_LINE:
                self._rest = b""  # no entry of ours; its end will be no entry either


@dataclass
class AuditLog:
    """Tells what people were refused in team namespaces."""

    tail: Tail
    ours: Callable[[str], bool]
    say: Callable[[Sequence[Sighting]], None]
    now: Callable[[], datetime]
    read: int = field(default=0)

    def step(self) -> None:
        """Read on."""
        before = self.read
        for line in self.tail.lines():
            self.read += 1
            found = [s for s in sightings_in_line(line, now=self.now()) if self.ours(s.namespace)]
            if found:
                self.say(found)
        if self.read != before:
            self.tail.keep()


def _known(place: Path) -> Mapping[str, Any]:
    try:
        values = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return mapping(values)
