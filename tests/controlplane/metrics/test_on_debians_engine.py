"""What is generated pleases the Prometheus that Debian has, 2.42, as much as the newest."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controlplane.metrics import files, queries
from controlplane.metrics.queries import Scope
from controlplane.metrics.recording import GROUPS
from localcluster import debian
from tests.prometheus import Controllers, controller, controllers, prometheus

pytestmark = pytest.mark.cluster

PROGRAMS = Path("/usr/bin")
DEBIANS = {
    str(PROGRAMS / "prometheus"): ("prometheus", "is an engine of others"),
    str(PROGRAMS / "promtool"): ("prometheus", "is an engine of others"),
}


@pytest.fixture(scope="module", autouse=True)
def _there() -> None:
    if debian.missing(DEBIANS) and not debian.can_install():
        pytest.skip("Debian's Prometheus is not here, and cannot be installed")
    debian.ensure(print, DEBIANS)


@pytest.fixture
def story() -> Iterator[Controllers]:
    with controllers() as them:
        them.add("eu", "atlas", "shop", controller(Running=2, Failed=1))
        yield them


def test_it_scrapes_adds_up_and_answers_as_the_newest_does(
    tmp_path: Path, story: Controllers
) -> None:
    with prometheus(tmp_path, ["eu"], story, programs=PROGRAMS) as there:
        for group in GROUPS:
            for rule in group.rules:
                there.until(rule.record)
        here = frozenset({"eu"})
        scope = Scope(frozenset({"atlas"}), here, here)
        answer = queries.run("workflows_by_phase", {}, scope, engine=there.engine)
        build = there.engine.instant("prometheus_tsdb_head_series", at=datetime.now(UTC))

    assert {s.labels["phase"]: s.points[0][1] for s in answer.series} == {"Running": 2, "Failed": 1}
    assert (answer.freshness, answer.trouble) == ("fresh", "")
    assert build


def test_its_checker_passes_the_files_of_an_agent_and_the_alerts(tmp_path: Path) -> None:
    made = files.of_an_agent(
        "eu",
        discovery="https://argosy.test/api/v1/metrics/targets/eu/?inside",
        write="https://metrics.test/api/v1/write",
        folder=str(tmp_path),
    )
    for name, content in {**files.shipped(), **made, "discovery": "a", "write": "b"}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")

    for what, name in (("config", files.CONFIG), ("rules", files.RULES), ("rules", files.ALERTS)):
        done = subprocess.run(
            [PROGRAMS / "promtool", "check", what, tmp_path / name],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
