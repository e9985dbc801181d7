"""`argosy demo` as a newcomer types it, on a real cluster, and `argosy down` after it."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from localcluster import clusters
from localcluster.home import Home

pytestmark = pytest.mark.cluster

ARGOSY = str(Path(sys.executable).with_name("argosy"))


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def argosy(home: Path, *words: str, port: str = "8080") -> "subprocess.CompletedProcess[str]":
    # Not this test run's settings: the command finds the product's own.
    dropped = {"DJANGO_SETTINGS_MODULE", "ARGOSY_HOME", "ARGOSY_LOG_LEVEL"}
    kept = {k: v for k, v in os.environ.items() if k not in dropped}
    env = {**kept, "ARGOSY_HOME": str(home), "ARGOSY_PORT": port, "COLUMNS": "160"}
    return subprocess.run(
        [ARGOSY, *words], env=env, capture_output=True, text=True, timeout=300, check=False
    )


def has_ended(pid: int) -> bool:
    """Gone, or a zombie that whoever inherited it has not collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_the_demo_brings_a_team_to_ready_on_each_of_two_clusters_and_down_leaves_nothing(
    tmp_path: Path,
) -> None:
    home, port = tmp_path / "home", free_port()
    try:
        first = argosy(home, "demo", "--node", "simulated", port=port)
        assert first.returncode == 0, first.stdout + first.stderr
        assert "payments is Ready" in first.stdout
        assert "reports is Ready" in first.stdout
        assert "It goes to eu." in first.stdout
        assert "It goes to us." in first.stdout
        assert "Pods are simulated" in first.stdout
        assert "shown this once" in first.stdout

        started = time.monotonic()
        second = argosy(home, "demo", "--node", "simulated", port=port)
        assert second.returncode == 0, second.stdout + second.stderr
        assert time.monotonic() - started < 30
        assert "shown this once" not in second.stdout

        listed = argosy(home, "namespace", "list", "--json")
        there = {n["name"]: (n["cluster"], n["phase"]) for n in orjson.loads(listed.stdout)}
        assert there == {"payments": ("eu", "Ready"), "reports": ("us", "Ready")}, listed.stderr
        pid = orjson.loads((home / "platform.pid").read_bytes())["pid"]
    finally:
        down = argosy(home, "down")
        clusters.down_all(home=Home(home))

    assert down.returncode == 0, down.stderr
    assert has_ended(pid)
    assert {s.state for s in clusters.status(home=Home(home))} == {"stopped"}


def test_a_platform_that_is_not_there_is_one_sentence_and_exit_3(tmp_path: Path) -> None:
    answer = argosy(tmp_path, "login", "--username", "owner", "--password", "x", "--url",
                    f"http://127.0.0.1:{free_port()}")  # fmt: skip

    assert answer.returncode == 3
    assert "does not answer" in answer.stderr
    assert "Traceback" not in answer.stderr
