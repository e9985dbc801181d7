"""A browser is had where it can be, and what is left out without one is said."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from localcluster import debian
from localcluster.errors import LocalClusterError

from . import chromium


def put(folder: Path, name: str) -> Path:
    program = folder / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("name", chromium.NAMES)
def test_the_browser_that_is_here_is_taken(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = put(tmp_path, name)
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []

    chromium.ensure(said.append)

    assert chromium.executable() == str(program)
    assert said == []


def test_without_root_the_tests_that_are_left_out_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    said: list[str] = []

    chromium.ensure(said.append)

    assert "only as root on Debian" in said[0]
    assert "skipped" in said[0]


def refuse(_: tuple[str, ...]) -> None:
    raise LocalClusterError("no such package")


def test_what_is_installed_is_said_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(debian, "can_install", lambda: True)
    monkeypatch.setattr(debian, "no_daemons_started", nullcontext)
    monkeypatch.setattr(debian, "install", lambda packages: said.append(" ".join(packages)))
    said: list[str] = []

    chromium.ensure(said.append)

    assert said[-1] == "chromium fonts-dejavu-core"
    assert "installing chromium: opens the console's pages as people do" in said


def test_a_browser_that_cannot_be_installed_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(debian, "can_install", lambda: True)
    monkeypatch.setattr(debian, "no_daemons_started", nullcontext)
    monkeypatch.setattr(debian, "install", refuse)

    assert chromium.main() == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: no such package"
