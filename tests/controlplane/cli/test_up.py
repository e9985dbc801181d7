"""What an operator reads where the platform cannot keep what it must: a sentence, and no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLATFORM = Path(__file__).parents[3] / "platform"
UP = f"exec {sys.executable} -m controlplane.cli"


def said(home: Path, command: str) -> str:
    """What the command says before it ends with 1."""
    # Without what the tests run by: the settings are to be the platform's own.
    own = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    paths = os.pathsep.join((str(PLATFORM), str(PLATFORM.parent)))
    ended = subprocess.run(
        ["/bin/sh", "-c", command],
        env={**own, "ARGOSY_HOME": str(home), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.parametrize("process", ["up", "worker"])
def test_a_home_that_cannot_be_written_is_named_with_the_way_out(
    tmp_path: Path, process: str
) -> None:
    (tmp_path / "file").write_text("")

    sentence = said(tmp_path / "file" / "home", f"{UP} {process}")

    assert f"cannot keep its data at {tmp_path / 'file'}" in sentence
    assert "set ARGOSY_HOME to another folder" in sentence


def test_a_disk_without_room_is_told_from_a_port_that_is_taken(tmp_path: Path) -> None:
    # No file becomes larger than that: what is written says what it says of a disk without room.
    full = said(tmp_path / "full", f"ulimit -f 100; {UP} up")

    assert f"cannot keep its data at {tmp_path / 'full'}" in full
    assert "Free some space" in full
    assert "Cannot listen" not in full
