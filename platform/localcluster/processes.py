"""Programs started so that later only that very process is ended.

A process is known by its id *and* the moment it started: an id alone is reused by the system, and
then would name somebody else's program.
"""

import json
import os
import select
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

LARGEST_LOG = 32 * 1024 * 1024
STOP_SECONDS = 12.0
KILL_SECONDS = 5.0
DEFAULT_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Identity:
    """A process nobody else can be mistaken for: id, start in ticks since boot, which boot."""

    pid: int
    started: int
    boot: str


@dataclass(frozen=True, slots=True)
class Daemon:
    """A program of ours in the background: where its log and its identity are kept."""

    folder: Path
    name: str

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def running(self) -> Identity | None:
        """Our process if it lives; a stale file, another boot or a reused id is none."""
        known = _recorded(self.pid_file)
        return known if known and identify(known.pid) == known else None

    def start(self, command: Sequence[str | Path], extra: Mapping[str, str] | None = None) -> int:
        """Start it in a session of its own; returns where in the log its lines begin."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.unlink()
        begins = self.log.stat().st_size if self.log.exists() else 0
        arguments = [str(part) for part in command]
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        # posix_spawn and not subprocess: the child shall outlive us, and a Popen object that is
        # dropped while its child runs is a warning.
        pid = os.posix_spawn(
            arguments[0],
            arguments,
            {**os.environ, **(extra or {})},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log), append, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=DEFAULT_SIGNALS,
        )
        identity = identify(pid)
        if identity:
            draft = self.pid_file.with_suffix(".pid.new")
            draft.write_text(json.dumps(asdict(identity)))
            draft.replace(self.pid_file)
        return begins

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """End it: ask, then kill. Already gone is success."""
        known = _recorded(self.pid_file)
        if known:
            end(known, seconds)
        self.pid_file.unlink(missing_ok=True)


def end(identity: Identity, seconds: float = STOP_SECONDS) -> None:
    """End exactly this process and wait until it is gone."""
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    try:
        # The handle pins whoever has the id now; only then is it safe to ask who that is.
        if identify(identity.pid) != identity:
            return
        for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILL_SECONDS)):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if _ended(handle, patience):
                break
    finally:
        os.close(handle)
        _reap(identity.pid)


def _ended(handle: int, seconds: float) -> bool:
    watch = select.poll()
    watch.register(handle, select.POLLIN)
    return bool(watch.poll(seconds * 1000))


def _recorded(pid_file: Path) -> Identity | None:
    try:
        return Identity(**json.loads(pid_file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def identify(pid: int) -> Identity | None:
    """Tell who has this id now; a process that ended but was not yet collected is nobody."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        _reap(pid)
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Identity(pid=pid, started=int(fields[19]), boot=boot)


def _reap(pid: int) -> None:
    """Collect it if it was our own child, or it would stay as a zombie while we live."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
