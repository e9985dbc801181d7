"""An `argosy up` in the background: started once, found again, and ended by id, nothing else."""

import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import httpx

from controlplane.environment import folder
from controlplane.errors import DomainError
from localcluster.processes import Daemon

START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOOK_EVERY = 0.1
LOG_LINES = 15
PORTS = range(8080, 8100)


class NotRunning(DomainError):
    """The platform did not come up; the sentence holds the end of its log."""

    code = "not_running"


def ensure_running(*, port: int | None = None) -> str:
    """The address of this home's platform; started in the background if it does not run.

    Without a port it takes the first free one from 8080 on. Raises NotRunning with the way out.
    """
    platform = _platform()
    if platform.running() is None:
        port = _free_port(PORTS if port is None else [port])
        url = f"http://127.0.0.1:{port}"
        platform.folder.mkdir(parents=True, exist_ok=True)
        _url_file().write_text(url, encoding="utf-8")
        platform.start(
            [sys.executable, "-m", "controlplane.cli", "up", "--port", str(port)],
            {"ARGOSY_URL": url},
        )
    return _answering(platform, _url_file().read_text(encoding="utf-8"))


def stop() -> bool:
    """End the platform in the background; False if there was none."""
    platform = _platform()
    was_there = platform.running() is not None
    platform.stop(STOP_SECONDS)
    return was_there


def address() -> str | None:
    """Where the platform in the background answers; None if there is none."""
    return _url_file().read_text(encoding="utf-8") if _platform().running() else None


def _free_port(candidates: Iterable[int]) -> int:
    """The first nobody listens on: another platform's answer there must not be taken for ours."""
    taken = []
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                taken.append(port)
            else:
                return port
    raise NotRunning(
        f"Something else listens on 127.0.0.1:{taken[0]}"
        f"{f' and on each port to {taken[-1]}' if len(taken) > 1 else ''}. "
        "Choose a free port: ARGOSY_PORT=9000 make demo, or argosy demo --port 9000."
    )


def _answering(platform: Daemon, url: str) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and platform.running():
        try:
            # Asked again after the answer: ours may have ended, and somebody else have given it.
            if httpx.get(f"{url}/healthz", timeout=2).text == "ok" and platform.running():
                return url
        except httpx.HTTPError:
            pass  # not yet
        time.sleep(LOOK_EVERY)
    platform.stop(STOP_SECONDS)
    raise NotRunning(
        f"The platform did not come up at {url}. The end of {platform.log}:\n"
        f"{_last_lines(platform.log)}"
    )


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES:])


def _platform() -> Daemon:
    return Daemon(folder("ARGOSY_HOME", default=".argosy"), "platform")


def _url_file() -> Path:
    return _platform().folder / "platform.url"
