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
# The compiled policies let these through, or refuse them, where library and webhook decide otherwise. Each is
# a difference to be mended: one that agrees again fails here until it is taken off the list.
BEHIND = {
    "90-runtime-id-all-allowed",
    "90-runtime-id-of-an-image",
    "91-other-door-of-the-hub",
    "91-second-other-door-of-the-hub",
    "92-unparsable-here-and-taken-by-the-runtime",
    "93-registry-too-long",
    "94-pod-copies-an-old-image",
    "94-pod-moves-an-old-image-to-another-container",
    "95-too-deep-and-swapped",
    "98-task-set",
    "99-more-images-than-are-read",
}


@pytest.fixture(scope="module")
def lines(local_cluster: RunningCluster):
    with engines.opened(engines.Name.VAP, SHIPPED, local_cluster.kubeconfig) as engine:
        return {case.id: compare(case, engine.judge(case)) for case in SHIPPED}


@pytest.mark.parametrize("case", SHIPPED, ids=lambda case: case.id)
def test_the_api_server_decides(lines, case):
    line = lines[case.id]

    assert (line.outcome is Outcome.DIFFERS) == (case.id in BEHIND), line.said


def test_what_it_asks_it_asks_for_one_of_the_three_reasons(lines):
    asked = [line for line in lines.values() if line.outcome is Outcome.ASKED]

    assert asked
    assert all(line.asks and set(line.asks) <= set(Asks) for line in asked)


def test_only_known_cases_are_the_api_servers_own_business(lines):
    assert {line.id for line in lines.values() if line.outcome is Outcome.ASIDE} == ASIDE
