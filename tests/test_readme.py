"""The README's commands are there."""

import re
from pathlib import Path

import typer

from controlplane.cli.main import app
from provisioning.argo_config import Keep

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"\bmake ([a-z-]+[a-z])", README)) <= targets


def test_every_setting_is_named_in_the_readme() -> None:
    platform = ROOT / "platform" / "controlplane"
    read = "".join((platform / file).read_text() for file in ("settings.py", "environment.py"))

    assert {name for name in re.findall(r'"(ARGOSY_[A-Z_]+)"', read) if name not in README} == set()


def test_every_folder_of_the_platform_has_its_place_in_the_readme() -> None:
    packages = (ROOT / "platform" / "controlplane").glob("*/__init__.py")

    assert [p.parent.name for p in packages if f"{p.parent.name}/`" not in README] == []


def test_how_long_workflows_are_kept_is_said_as_it_is() -> None:
    keep, day = Keep(), 24 * 3600

    assert (
        f"Succeeded after {keep.succeeded // day}\nday, Error after {keep.otherwise // day}, "
        f"Failed after {keep.failed // day}"
    ) in README


def test_every_command_of_the_readme_exists() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]

    for line in re.findall(r"\.venv/bin/argosy ([a-z-]+(?: [a-z-]+)?)", README):
        first, _, second = line.partition(" ")
        assert first in commands
        if hasattr(commands[first], "commands") and second:
            assert second in commands[first].commands
