"""Two people decide at the same moment, on two connections: what there is is promised once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "from tests.tenants import at_once; at_once.main()"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What became of both stories, on a new database in a file."""
    env = {
        **os.environ,
        "ARGOSY_HOME": str(tmp_path_factory.mktemp("home")),
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    }
    ended = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", PROGRAM],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_teams_budget_is_one_over_all_clusters(told: Any) -> None:
    found = told["two_clusters_of_one_team"]

    assert found == {"said": ["approved", "over_budget"], "cores": 8}


def test_the_last_room_of_a_cluster_goes_to_one_of_two_teams(told: Any) -> None:
    found = told["two_teams_on_one_cluster"]

    assert found == {"said": ["approved", "no_room"], "cores": 4}
