"""The layout's own rules, and that breaking one is noticed."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_platform_is_a_shelf_and_python_still_finds_its_own() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert platform.python_version()


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("tenants/levels.py", "import provisioning.plan"),
        ("provisioning/plan.py", "import django"),
        ("tenants/services.py", "import kubernetes"),
        ("platform/controlplane/policies/composing.py", "import django"),
        ("tenants/models.py", "import controlplane.policies.models"),
        ("platform/localcluster/pki.py", "import tenants.names"),
    ],
)
def test_a_planted_import_breaks_a_contract(file: str, line: str, tmp_path: Path) -> None:
    for folder in ("platform", "tenants", "provisioning"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted = tmp_path / file
    planted.write_text(f"{planted.read_text()}\n{line}\n")

    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{tmp_path / 'platform'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1, done.stdout.decode()[-500:]
    assert b"BROKEN" in done.stdout
