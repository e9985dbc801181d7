"""The commands, settings and folders that the README and the documents tell of are there."""

import re
from pathlib import Path

import msgspec
import typer

from controlplane.cli.main import app
from controlplane.policies.saying import Settings
from provisioning.argo_config import Keep

ROOT = Path(__file__).parents[1]
TOLD = {path: path.read_text() for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))}
README = "\n".join(TOLD.values())


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"\bmake ([a-z-]+[a-z])", README)) <= targets


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for path, text in TOLD.items():
        for link in re.findall(r"\]\(([^)]+)\)", text):
            file, _, section = link.partition("#")
            target = path.parent / file if file else path
            assert target.is_file(), f"{path.name}: {link}"
            if section:
                assert section in _sections(target.read_text()), f"{path.name}: {link}"


def _sections(text: str) -> set[str]:
    """What its headings are called in an address."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_policy_that_the_documents_show_is_one() -> None:
    shown = re.findall(
        r"^    (\{.*?\}\n)\n", TOLD[ROOT / "docs" / "images.md"], re.MULTILINE | re.DOTALL
    )

    assert [msgspec.json.decode(each, type=Settings).default for each in shown] == ["deny"]


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
