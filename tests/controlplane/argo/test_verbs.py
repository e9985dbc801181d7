"""What may be done with a workflow, when, and what a new one is made of."""

from typing import Any

import pytest

from controlplane.argo.nodes import Run, read
from controlplane.argo.submission import again, submittable
from controlplane.argo.verbs import Verb, left_to_argo, outcome, possible, refusal


def run(status: Any = None, **spec: Any) -> Run:
    return read({"metadata": {"name": "hello"}, "spec": spec, "status": status})


WAITS = {"nodes": {"a": {"type": "Suspend", "displayName": "approve", "phase": "Running"}}}


@pytest.mark.parametrize(
    ("found", "verbs"),
    [
        (run({"phase": "Running"}), {"stop", "terminate", "suspend", "resubmit"}),
        (run(), {"stop", "terminate", "suspend", "resubmit"}),
        (run(suspend=True), {"stop", "terminate", "resume", "resubmit"}),
        (run(shutdown="Stop"), {"terminate", "resubmit"}),
        (run(shutdown="Terminate"), {"resubmit"}),
        (run({"phase": "Succeeded"}), {"resubmit"}),
        (run({"phase": "Error"}), {"resubmit"}),
    ],
)
def test_what_can_be_done_depends_on_where_it_stands(found: Run, verbs: set[str]) -> None:
    assert set(possible(found)) == verbs


def test_a_refusal_says_why() -> None:
    assert "has ended" in refusal(Verb.STOP, run({"phase": "Failed"}))
    assert "already" in refusal(Verb.SUSPEND, run(suspend=True))


def test_what_no_patch_can_release_is_named_and_left_to_argo() -> None:
    assert "approve" in left_to_argo(run(WAITS))
    assert "argo resume hello" in refusal(Verb.RESUME, run(WAITS))
    assert "argo resume hello" in outcome(Verb.RESUME, run(WAITS, suspend=True))


def test_a_resubmitted_workflow_has_nothing_of_the_old_run_or_of_the_platform() -> None:
    old = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": "hello-x7",
            "namespace": "payments",
            "uid": "u",
            "resourceVersion": "5",
            "ownerReferences": [{}],
            "finalizers": ["f"],
            "labels": {
                "workflows.argoproj.io/phase": "Failed",
                "workflows.argoproj.io/creator": "bob",
                "workflows.argoproj.io/workflow-template": "hello",
                "argosy.dev/team": "payments",
                "app": "mine",
            },
            "annotations": {
                "workflows.argoproj.io/pod-name-format": "v2",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "note": "mine",
            },
        },
        "spec": {"entrypoint": "main", "shutdown": "Stop", "suspend": True},
        "status": {"phase": "Failed"},
    }

    made = submittable(again(old), "payments", by="ada")

    assert made["metadata"] == {
        "generateName": "hello-x7-",
        "namespace": "payments",
        "labels": {
            "app": "mine",
            "workflows.argoproj.io/creator": "ada",
            "workflows.argoproj.io/resubmitted-from-workflow": "hello-x7",
            "workflows.argoproj.io/workflow-template": "hello",
        },
        "annotations": {"note": "mine"},
    }
    assert made["spec"] == {"entrypoint": "main", "serviceAccountName": "workflow-runner"}
    assert "status" not in made


def test_resubmitting_what_was_resubmitted_does_not_grow_its_name() -> None:
    old = {"metadata": {"name": "hello-abc-def", "generateName": "hello-"}, "spec": {}}

    assert again(old)["metadata"]["generateName"] == "hello-"
