"""How helm is run: bounded, with its group, and never outliving its worker."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controlplane.kube.errors import HelmFailed, HelmTimedOut
from controlplane.kube.helm import run_helm

DEADLINE = 10.0


def script(folder: Path, body: str) -> str:
    """A helm that does as it is told."""
    path = folder / "helm"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def pid_in(file: Path) -> int:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if file.is_file() and (text := file.read_text().strip()):
            return int(text)
        time.sleep(0.02)
    raise AssertionError(f"{file} was never written")


def await_end(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while is_alive(pid):
        assert time.monotonic() < deadline, f"{pid} lives on"
        time.sleep(0.02)


def test_its_output_is_given_and_its_input_is_read(tmp_path: Path) -> None:
    helm = script(tmp_path, 'echo "$1"; cat')

    assert run_helm([helm, "version"], b"values", deadline=DEADLINE) == b"version\nvalues"


def test_a_failure_is_helms_own_sentence_without_its_warnings(tmp_path: Path) -> None:
    helm = script(tmp_path, 'echo "WARNING: old" >&2; echo "Error: no such chart" >&2; exit 1')

    with pytest.raises(HelmFailed, match=r"^no such chart$"):
        run_helm([helm, "upgrade"], None, deadline=DEADLINE)


def test_at_the_deadline_helm_and_what_it_started_are_gone(tmp_path: Path) -> None:
    helm = script(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait")

    # A busy machine may not even have started it within the first.
    for deadline in (0.5, 2.0, DEADLINE):
        with pytest.raises(HelmTimedOut, match="did not end within"):
            run_helm([helm, "upgrade"], None, deadline=deadline)
        if (tmp_path / "child").is_file():
            break

    await_end(pid_in(tmp_path / "child"))


def test_helm_dies_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    helm = script(tmp_path, f"echo $$ > {tmp_path}/helm.pid; exec sleep 60")
    code = f"from controlplane.kube.helm import run_helm; run_helm([{helm!r}, 'upgrade'], None, deadline=60)"
    worker = subprocess.Popen([sys.executable, "-c", code])
    pid = pid_in(tmp_path / "helm.pid")

    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(DEADLINE)

    await_end(pid)
