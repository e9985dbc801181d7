"""Only our own process is ever ended."""

import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster.processes import Daemon, identify

STUBBORN = (
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('deaf', flush=True)\n"
    "time.sleep(60)\n"
)
SLEEP = ("/bin/sleep", "60")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path, "program")
    yield made
    made.stop(seconds=0.1)


def wait_for(log: Path, words: str) -> None:
    deadline = time.monotonic() + 10
    while not log.exists() or words not in log.read_text():
        assert time.monotonic() < deadline, f"{log} never said {words!r}"
        os.sched_yield()


def test_a_started_program_runs_in_a_session_of_its_own(daemon: Daemon) -> None:
    daemon.start(SLEEP)

    running = daemon.running()
    assert running
    assert os.getsid(running.pid) == running.pid


def test_a_stopped_program_is_gone(daemon: Daemon) -> None:
    daemon.start(SLEEP)
    running = daemon.running()
    assert running

    daemon.stop()

    assert identify(running.pid) is None
    assert not daemon.pid_file.exists()


def test_stopping_twice_is_stopping_once(daemon: Daemon) -> None:
    daemon.start(SLEEP)

    daemon.stop()
    daemon.stop()

    assert daemon.running() is None


def test_a_program_that_ignores_being_asked_is_killed(daemon: Daemon) -> None:
    daemon.start((sys.executable, "-c", STUBBORN))
    wait_for(daemon.log, "deaf")

    daemon.stop(seconds=0.1)

    assert daemon.running() is None


def test_a_reused_process_id_is_left_alone(daemon: Daemon, tmp_path: Path) -> None:
    stranger = Daemon(tmp_path, "stranger")
    stranger.start(SLEEP)
    has = stranger.running()
    assert has
    ours = dataclasses.replace(has, started=has.started - 1)
    daemon.pid_file.write_text(json.dumps(dataclasses.asdict(ours)))

    seen = daemon.running()
    daemon.stop()

    assert seen is None
    assert stranger.running() == has
    stranger.stop()


def test_a_process_id_of_another_boot_is_left_alone(daemon: Daemon, tmp_path: Path) -> None:
    stranger = Daemon(tmp_path, "stranger")
    stranger.start(SLEEP)
    has = stranger.running()
    assert has
    ours = dataclasses.replace(has, boot="an-earlier-one")
    daemon.pid_file.write_text(json.dumps(dataclasses.asdict(ours)))

    daemon.stop()

    assert stranger.running() == has
    stranger.stop()


@pytest.mark.parametrize("content", ["", "123", "{}", '{"pid": 1}', "null", "not json"])
def test_a_torn_pid_file_names_nobody(daemon: Daemon, content: str) -> None:
    daemon.pid_file.write_text(content)

    assert daemon.running() is None
    daemon.stop()


def test_a_killed_program_does_not_count_as_running(daemon: Daemon) -> None:
    daemon.start(SLEEP)
    running = daemon.running()
    assert running

    os.kill(running.pid, signal.SIGKILL)
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)

    assert daemon.running() is None


def test_the_log_of_an_earlier_start_is_kept_and_told_apart(daemon: Daemon) -> None:
    daemon.start(("/bin/echo", "first"))
    wait_for(daemon.log, "first")

    begins = daemon.start(("/bin/echo", "second"))
    wait_for(daemon.log, "second")

    assert daemon.log.read_bytes()[begins:] == b"second\n"


def test_an_endless_log_is_started_over(daemon: Daemon) -> None:
    with daemon.log.open("wb") as log:
        log.truncate(40 * 1024 * 1024)

    begins = daemon.start(("/bin/echo", "anew"))
    wait_for(daemon.log, "anew")

    assert begins == 0
