"""What controllers and workflows were refused is told once, about the right object, and of teams alone."""

import base64
import gzip
import json
from typing import Any

import pytest

from controlplane.agent.seen import Sighting
from controlplane.agent.watching import Recent, Watching
from tests.street import NOW

DENIED = (
    "admission said: ValidatingAdmissionPolicy 'argosy-images-pods' with binding 'argosy-images-enforce' "
    "denied request: The image policy denies this.\n"
    'spec.containers[0].image (main): image "evil.io/x": no rule allows it [not-allowed]'
)
BY_WEBHOOK = (
    'admission webhook "images.argosy.dev" denied the request: '
    'spec.containers[0].image (main): image "evil.io/x": no rule allows it [not-allowed]'
)
EARLIER = "2026-11-21T11:00:00Z"


@pytest.fixture
def told() -> list[Sighting]:
    return []


@pytest.fixture
def watching(told: list[Sighting]) -> Watching:
    return Watching(lambda namespace: namespace == "payments", told.extend, lambda: NOW)


def event(message: str = DENIED, **changed: Any) -> dict[str, Any]:
    about = {"kind": "ReplicaSet", "name": "web-7c9", "namespace": "payments"}
    return {
        "metadata": {"namespace": "payments", "uid": "u1", "name": "web.1"},
        "reason": "FailedCreate",
        "message": message,
        "involvedObject": about,
        "lastTimestamp": EARLIER,
        "count": 1,
        **changed,
    }


def workflow(**status: Any) -> dict[str, Any]:
    meta = {"namespace": "payments", "name": "nightly", "uid": "w1", "creationTimestamp": EARLIER}
    return {"kind": "Workflow", "metadata": meta, "status": status}


def node(message: str = DENIED, **changed: Any) -> dict[str, Any]:
    return {"id": "n1", "message": message, "phase": "Error", "finishedAt": EARLIER, **changed}


def test_a_controllers_pod_that_was_refused_is_the_controllers(
    watching: Watching, told: list[Sighting]
) -> None:
    watching.event(event())

    (seen,) = told
    assert (seen.kind, seen.name, seen.namespace) == ("ReplicaSet", "web-7c9", "payments")
    assert (seen.image, seen.code, seen.path) == (
        "evil.io/x",
        "not-allowed",
        "spec.containers[0].image",
    )
    assert (seen.state, seen.source, seen.at.hour) == ("refused", "event", 11)


def test_an_event_that_happens_again_counts_only_what_is_new(
    watching: Watching, told: list[Sighting]
) -> None:
    watching.event(event(count=4))
    watching.event(event(count=4))
    watching.event(event(count=9))

    assert [seen.count for seen in told] == [1, 5]


def test_what_happens_elsewhere_or_is_no_denial_of_ours_is_not_told(
    watching: Watching, told: list[Sighting]
) -> None:
    watching.event(event(metadata={"namespace": "kube-system", "uid": "u2"}))
    watching.event(event("exceeded quota: team"))
    watching.event(event(BY_WEBHOOK))
    watching.event({"metadata": {"namespace": "payments"}, "message": 7})

    assert told == []


def test_an_event_cannot_speak_for_another_namespace(
    watching: Watching, told: list[Sighting]
) -> None:
    watching.event(
        event(involvedObject={"kind": "Pod", "name": "x", "namespace": "fraud-detection"})
    )

    assert told == []


def test_a_workflows_node_says_why_its_pod_was_refused_and_says_it_once(
    watching: Watching, told: list[Sighting]
) -> None:
    denied = workflow(phase="Error", message=DENIED, nodes={"n1": node(), "n2": node(id="n2")})
    watching.workflow(denied)
    watching.workflow(denied)

    (seen,) = told
    assert (seen.kind, seen.name, seen.image, seen.source) == (
        "Workflow",
        "nightly",
        "evil.io/x",
        "argo",
    )


def test_nodes_that_argo_packed_are_read_too(watching: Watching, told: list[Sighting]) -> None:
    packed = base64.b64encode(gzip.compress(json.dumps({"n1": node()}).encode())).decode()

    watching.workflow(workflow(compressedNodes=packed))

    assert len(told) == 1


@pytest.mark.parametrize(
    "status",
    [
        {"compressedNodes": "no base64"},
        {"compressedNodes": base64.b64encode(gzip.compress(b" " * 40_000_000)).decode()},
        {"nodes": ["a"]},
        {"nodes": {"n": "text"}},
        {"nodes": {"n": {"message": 5}}},
    ],
)
def test_what_a_team_wrote_there_itself_breaks_nothing(
    watching: Watching, told: list[Sighting], status: dict[str, Any]
) -> None:
    watching.workflow(workflow(**status))

    assert told == []


def test_what_is_remembered_is_bounded() -> None:
    recent = Recent(most=2)
    for key in ("a", "b", "c"):
        recent.keep((key,))

    assert [recent.was((key,)) for key in ("a", "b", "c")] == [0, 1, 1]
