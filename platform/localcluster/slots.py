"""The ports a cluster gets, so that no two on this machine collide.

Ports come in slots of ten. Who holds which slot is written down once per user and machine, so that
the clusters of two homes (a demo's and a test run's) stay apart even while one of them is stopped.
"""

import errno
import json
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.home import locked_file

FIRST_PORT = 16_400
SLOT_SIZE = 10
SLOTS = 400
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Slot:
    """Ten ports in a row."""

    number: int

    def port(self, offset: int) -> int:
        return FIRST_PORT + self.number * SLOT_SIZE + offset

    @property
    def ports(self) -> range:
        return range(self.port(0), self.port(SLOT_SIZE))


def reserve(owner: Path) -> Slot:
    """The slot of `owner` (a folder that exists): the one it had, else a free one."""
    registry = _registry()
    with locked_file(registry / "lock"):
        holders = _read(registry)
        for number, holder in holders.items():
            if holder == str(owner):
                return Slot(number)
        slot = _first_free(holders)
        _write(registry, {**holders, slot.number: str(owner)})
        return slot


def release(owner: Path) -> None:
    """Give the slot of `owner` back; having none is fine."""
    registry = _registry()
    with locked_file(registry / "lock"):
        holders = _read(registry)
        kept = {number: holder for number, holder in holders.items() if holder != str(owner)}
        _write(registry, kept)


def is_free(port: int, address: str = LOOPBACK) -> bool:
    """True if a program could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as exc:
            if exc.errno == errno.EADDRNOTAVAIL:
                return True
            if exc.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def _first_free(holders: dict[int, str]) -> Slot:
    for number in range(SLOTS):
        slot = Slot(number)
        if number not in holders and all(is_free(port) for port in slot.ports):
            return slot
    last = Slot(SLOTS - 1).ports[-1]
    raise LocalClusterError(
        f"No ten free ports in a row between {FIRST_PORT} and {last}: stop or wipe a cluster "
        "(`argosy local status`), or end the programs that hold them."
    )


def _registry() -> Path:
    """A folder of this user's own; one made by somebody else is not trusted."""
    folder = Path(tempfile.gettempdir()) / f"argosy-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise LocalClusterError(f"{folder} belongs to another user; remove it and try again.")
    return folder


def _read(registry: Path) -> dict[int, str]:
    """Slots and their holders, without those whose folder is gone."""
    try:
        stored = json.loads((registry / "slots.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {int(number): holder for number, holder in stored.items() if Path(holder).is_dir()}


def _write(registry: Path, holders: dict[int, str]) -> None:
    draft = registry / "slots.json.new"
    draft.write_text(json.dumps(holders, indent=1))
    draft.replace(registry / "slots.json")
