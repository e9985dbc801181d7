"""The platform in the background: its own, found again, on a port that nobody else has."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.processes import background
from controlplane.processes.background import NotRunning
from localcluster.processes import Daemon


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_that_somebody_else_has_is_passed_over(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(background, "PORTS", [taken, 0])
    monkeypatch.setattr(Daemon, "start", lambda _self, command, _env: started.extend(command))
    monkeypatch.setattr(background, "_answering", lambda _platform, url: url)

    assert background.ensure_running() == "http://127.0.0.1:0"
    assert started[-2:] == ["--port", "0"]


def test_a_port_that_was_asked_for_and_is_taken_is_said_with_the_way_out(
    taken: int, home: Path
) -> None:
    with pytest.raises(NotRunning, match=rf"127\.0\.0\.1:{taken}.*ARGOSY_PORT"):
        background.ensure_running(port=taken)

    assert not (home / "platform.pid").exists()


def test_a_platform_that_dies_at_once_is_told_with_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = Daemon.start

    def broken(daemon: Daemon, _command: list[str], env: dict[str, str]) -> int:
        return start(daemon, [sys.executable, "-c", "raise SystemExit('no such table')"], env)

    monkeypatch.setattr(Daemon, "start", broken)

    with pytest.raises(NotRunning, match="no such table"):
        background.ensure_running()
    assert background.address() is None


def test_stopping_ends_ours_and_nobody_elses(home: Path) -> None:
    sleeper = Daemon(home, "platform")
    sleeper.start([sys.executable, "-c", "import time; time.sleep(60)"])
    process = sleeper.running()
    assert process is not None

    assert background.stop() is True
    assert background.stop() is False
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
