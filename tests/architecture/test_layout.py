"""The layout's own rules, and that breaking one is noticed."""

import platform
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_platform_is_a_shelf_and_python_still_finds_its_own() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert platform.python_version()


def test_whatever_is_not_the_door_is_named_by_the_contract_that_keeps_it_from_clusters() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (door,) = [c for c in contracts["contracts"] if c["name"] == "only the door talks to clusters"]
    there = {
        f"controlplane.{each.stem}"
        for each in (ROOT / "platform" / "controlplane").iterdir()
        if each.suffix == ".py" or (each / "__init__.py").exists()
    }

    assert there - {"controlplane.__init__", "controlplane.kube"} <= set(door["source_modules"])


PLANTED = [
    ("tenants/levels.py", "provisioning.plan"),
    ("provisioning/plan.py", "django"),
    ("tenants/services.py", "kubernetes"),
    ("platform/controlplane/policies/composing.py", "django"),
    ("tenants/models.py", "controlplane.policies.models"),
    ("platform/controlplane/plans/looks.py", "kubernetes"),
    ("platform/localcluster/pki.py", "tenants.names"),
]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the contracts say of a copy in which all of these were planted: each import by its line."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in ("platform", "tenants", "provisioning"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    for file, imported in PLANTED:
        planted = tree / file
        planted.write_text(f"{planted.read_text()}\nimport {imported}\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": f"{tree}:{tree / 'platform'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout[-500:] + done.stderr[-500:]
    return done.stdout


@pytest.mark.parametrize(("file", "imported"), PLANTED)
def test_a_planted_import_breaks_a_contract(file: str, imported: str, said: str) -> None:
    planted = file.removeprefix("platform/").removesuffix(".py").replace("/", ".")
    last = len((ROOT / file).read_text().splitlines()) + 2

    _, _, broken = said.partition("Broken contracts")
    assert f"{planted} -> {imported} (l.{last})" in broken, broken
