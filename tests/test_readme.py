"""The README's commands are there."""

import re
from pathlib import Path

import typer

from controlplane.cli.main import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"\bmake ([a-z]+)", README)) <= targets


def test_every_command_of_the_readme_exists() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]

    for line in re.findall(r"\.venv/bin/argosy ([a-z-]+(?: [a-z-]+)?)", README):
        first, _, second = line.partition(" ")
        assert first in commands
        if hasattr(commands[first], "commands") and second:
            assert second in commands[first].commands
