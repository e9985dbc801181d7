"""Definitions and controllers of one cluster: minimal ones serve all, full ones only what they know."""

from typing import Any

import pytest

from controlplane.advisories.skew import VERSION, is_full, problem_with
from controlplane.clusters import base_release


def full(version: str = "", kind: str = "Workflow") -> dict[str, Any]:
    fields = {"spec": {"type": "object", "properties": {"schedules": {"type": "array"}}}}
    return {
        "metadata": {
            "name": "workflows.argoproj.io",
            "annotations": {VERSION: version} if version else {},
        },
        "spec": {
            "names": {"kind": kind},
            "versions": [
                {"name": "v1alpha1", "schema": {"openAPIV3Schema": {"properties": fields}}}
            ],
        },
    }


def test_the_base_is_minimal_and_serves_the_oldest_and_the_newest_at_once() -> None:
    crds = base_release.crds()

    assert len(crds) == 8
    assert not any(is_full(crd) for crd in crds)
    assert problem_with(crds, ["v3.7.18", "v4.0.10", "v4.1.2", "latest"]) == ""


@pytest.mark.parametrize(
    ("version", "controllers", "says"),
    [
        ("4.1.2", ["v4.1.2", "v3.7.18"], "as long as a 3.x lives on the cluster"),
        ("4.0.10", ["v4.1.2"], "older than the controller v4.1.2"),
        ("", ["v4.1.2"], "no version that it tells"),
        ("4.1.2", ["latest"], "cannot be told"),
    ],
)
def test_full_definitions_that_do_not_fit_are_refused(
    version: str, controllers: list[str], says: str
) -> None:
    assert says in problem_with([full(version)], controllers)


@pytest.mark.parametrize("controllers", [["v4.1.2"], ["v4.0.10", "v4.1.0"], [], [""]])
def test_full_definitions_serve_what_is_as_old_as_they_are(controllers: list[str]) -> None:
    assert problem_with([full("v4.1.2")], controllers) == ""


def test_a_kind_that_carries_no_workflow_is_of_no_matter() -> None:
    assert problem_with([full(kind="WorkflowEventBinding")], ["v3.7.18"]) == ""
