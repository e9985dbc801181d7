"""What starting the webhook costs and needs."""

import subprocess
import sys

import pytest

HEAVY = ("django", "celery", "rest_framework", "kubernetes", "typer", "rich", "httpx", "requests")


def test_the_process_imports_nothing_of_the_platforms_site():
    said = subprocess.run(
        [sys.executable, "-c", "import controlplane.admission.__main__, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert "controlplane.admission.serving" in said
    assert [m for m in said if m.partition(".")[0] in HEAVY] == []


@pytest.mark.parametrize("command", [["controlplane.cli", "admission"], ["controlplane.admission"]])
def test_the_command_is_the_process(command):
    said = subprocess.run(
        [sys.executable, "-m", *command, "--help"], capture_output=True, text=True, check=True
    ).stdout

    assert "usage: argosy admission" in said
    for word in ("--bundle", "--certificates", "--listen", "--spool", "--drain"):
        assert word in said


@pytest.mark.parametrize("address", ["9443", "webhook:9443", "127.0.0.1", "127.0.0.1:https"])
def test_an_address_that_is_none_is_one_sentence(address):
    folders = ["--bundle", "x", "--certificates", "y"]
    done = subprocess.run(
        [sys.executable, "-m", "controlplane.admission", *folders, "--listen", address],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "is not ADDRESS:PORT" in done.stderr
