"""An `argosy up` in the background: started once, found again, and ended by id, nothing else."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

from controlplane.environment import folder
from controlplane.errors import DomainError

START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOOK_EVERY = 0.1
LOG_LINES = 15


class NotRunning(DomainError):
    """The platform did not come up; the sentence holds the end of its log."""

    code = "not_running"


@dataclass(frozen=True)
class Process:
    """A process of ours: its id, and when it started, so that a recycled id is not taken for it."""

    pid: int
    started: str
    url: str


def ensure_running(*, port: int = 8080) -> str:
    """The address of a platform that answers; started in the background if none does."""
    known = _known()
    if known is not None and _is_alive(known):
        return _answering(known)
    _home().mkdir(parents=True, exist_ok=True)
    with _log().open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "controlplane.cli", "up", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            # The file of ids is ours to write: the child must not think that another one runs.
            env={**os.environ, "ARGOSY_URL": f"http://127.0.0.1:{port}"},
        )
    process = Process(child.pid, _started(child.pid), f"http://127.0.0.1:{port}")
    _pidfile().write_bytes(orjson.dumps(process))
    return _answering(process, child)


def stop() -> bool:
    """End the platform in the background; False if there was none."""
    known = _known()
    if known is None:
        return False
    try:
        if _is_alive(known):
            os.kill(known.pid, signal.SIGTERM)
            _await_end(known)
            return True
    finally:
        _pidfile().unlink(missing_ok=True)
    return False


def address() -> str | None:
    """Where the platform in the background answers; None if there is none."""
    known = _known()
    return known.url if known is not None and _is_alive(known) else None


def _answering(process: Process, child: "subprocess.Popen[bytes] | None" = None) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if (child is not None and child.poll() is not None) or not _is_alive(process):
            break
        try:
            if httpx.get(f"{process.url}/healthz", timeout=2).text == "ok" and _is_alive(process):
                return process.url
        except httpx.HTTPError:
            pass  # not yet
        time.sleep(LOOK_EVERY)
    _pidfile().unlink(missing_ok=True)
    raise NotRunning(
        f"The platform did not come up at {process.url}. The end of {_log()}:\n{_last_lines()}\n"
        "If the port is taken, choose another: ARGOSY_PORT=8090."
    )


def _await_end(process: Process) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while _is_alive(process):
        if time.monotonic() > deadline:
            os.kill(process.pid, signal.SIGKILL)
            return
        time.sleep(LOOK_EVERY)


def _known() -> Process | None:
    try:
        return Process(**orjson.loads(_pidfile().read_bytes()))
    except (OSError, TypeError, orjson.JSONDecodeError):
        return None


def _is_alive(process: Process) -> bool:
    return process.started != "" and _started(process.pid) == process.started


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot; '' if there is none, or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _last_lines() -> str:
    lines = _log().read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES:])


def _home() -> Path:
    return folder("ARGOSY_HOME", default=".argosy")


def _pidfile() -> Path:
    return _home() / "platform.json"


def _log() -> Path:
    return _home() / "platform.log"
