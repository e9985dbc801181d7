"""Every case on a real API server, by the compiled policies alone."""

import pytest

from controlplane.policies import cases, engines
from controlplane.policies.engines.comparing import Outcome, compare
from controlplane.policies.verdict import Asks
from localcluster.clusters import RunningCluster

pytestmark = pytest.mark.cluster

SHIPPED = cases.shipped()
# The API server's own checks come first here; each was looked at.
ASIDE = {
    "32-empty-in-a-template",
    "32-missing-in-a-template",
    "102-mirror-from-another-node",
    "102-no-annotation",
    "94-pod-old-image-into-an-init-container",  # a Pod's init containers do not change at all
}


@pytest.fixture(scope="module")
def lines(bare_cluster: RunningCluster):
    with engines.opened(engines.Name.VAP, SHIPPED, bare_cluster.kubeconfig) as engine:
        return {case.id: compare(case, engine.judge(case)) for case in SHIPPED}


@pytest.mark.parametrize("case", SHIPPED, ids=lambda case: case.id)
def test_the_api_server_decides(lines, case):
    line = lines[case.id]

    assert line.outcome is not Outcome.DIFFERS, line.said


def test_what_it_asks_it_asks_for_one_of_the_three_reasons(lines):
    asked = [line for line in lines.values() if line.outcome is Outcome.ASKED]

    assert asked
    assert all(line.asks and set(line.asks) <= set(Asks) for line in asked)


def test_only_known_cases_are_the_api_servers_own_business(lines):
    assert {line.id for line in lines.values() if line.outcome is Outcome.ASIDE} == ASIDE
