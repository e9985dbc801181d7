"""What the nodes of a cluster have for teams' pods."""

from decimal import Decimal
from typing import Any

import pytest

from controlplane.kube import quantities
from controlplane.placement.nodes import allocatable

TEAMS = {
    "nodeSelector": {"pool": "teams"},
    "tolerations": [{"key": "teams", "operator": "Exists", "effect": "NoSchedule"}],
}


def node(labels: dict[str, str] | None = None, taints: Any = (), **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "n", "labels": labels or {}},
        "spec": {**spec, "taints": list(taints)},
        "status": {"allocatable": {"cpu": "3920m", "memory": "16Gi"}},
    }


def cores(*nodes: dict[str, Any], placement: dict[str, Any] | None = None) -> Decimal:
    return allocatable(nodes, placement or {}, quantities.parse).cpu


def test_nodes_are_summed() -> None:
    found = allocatable([node(), node()], {}, quantities.parse)

    assert (found.cpu, found.memory_gib) == (Decimal("7.84"), Decimal(32))


def test_a_node_that_takes_no_pods_is_not_counted() -> None:
    assert cores(node(unschedulable=True), node()) == Decimal("3.92")


def test_a_node_that_teams_pods_do_not_go_to_is_not_counted() -> None:
    assert cores(node({"pool": "platform"}), node({"pool": "teams"}), placement=TEAMS) == Decimal(
        "3.92"
    )


@pytest.mark.parametrize(
    ("taint", "counted"),
    [
        ({"key": "teams", "effect": "NoSchedule"}, True),
        ({"key": "teams", "effect": "PreferNoSchedule"}, True),
        ({"key": "gpu", "effect": "PreferNoSchedule"}, True),
        ({"key": "gpu", "effect": "NoSchedule"}, False),
        ({"key": "teams", "effect": "NoExecute"}, False),
    ],
)
def test_a_taint_that_is_not_tolerated_keeps_its_node_out(
    taint: dict[str, str], *, counted: bool
) -> None:
    found = cores(node({"pool": "teams"}, [taint]), placement=TEAMS)

    assert bool(found) is counted


def test_a_node_that_says_nothing_of_itself_has_nothing() -> None:
    assert cores({"metadata": {"name": "new"}}) == 0
