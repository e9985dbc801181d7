"""Which look finds what somebody changed: told by what an object is, whatever it says."""

import pytest

from controlplane.clusters import base_release
from controlplane.index.kinds import POLICIES
from controlplane.index.places import BASE, IMAGE_POLICIES, WHOLE, place_of
from controlplane.objects import Manifest
from controlplane.policies.compile import admission_policies, routing
from controlplane.policies.compile.rule_sets import RuleSet
from controlplane.policies.compile.shapes import CLUSTER
from tenants.names import problem_with

FOLLOWED = {kind.name for kind in POLICIES}


def place(kind: str, name: object, namespace: str | None = None) -> str | None:
    return place_of({"kind": kind, "metadata": {"name": name, "namespace": namespace}})


def test_an_object_is_in_its_namespace_and_a_namespace_is_its_own_place() -> None:
    assert place("ResourceQuota", "team-quota", "payments") == "payments"
    assert place("Namespace", "payments") == "payments"


def policies_of_the_base() -> list[Manifest]:
    return [m for m in base_release.manifests_for("platform") if m["kind"] in FOLLOWED]


def test_every_policy_of_the_base_is_followed_and_found_by_the_look_at_the_base() -> None:
    found = policies_of_the_base()

    assert len(found) > 10
    assert {place_of(manifest) for manifest in found} == {BASE}
    assert {m["metadata"]["labels"]["argosy.dev/managed"] for m in found} == {"true"}


def test_everything_of_the_image_policies_is_found_by_the_look_at_those() -> None:
    brought = [
        *admission_policies.policies({CLUSTER: RuleSet()}),
        routing.configuration({}, {"url": "https://10.0.0.1/"}),
    ]

    assert {m["kind"] for m in brought} == FOLLOWED
    assert {place_of(manifest) for manifest in brought} == {IMAGE_POLICIES}


@pytest.mark.parametrize("whole", sorted(WHOLE))
def test_no_namespace_is_called_as_such_a_place(whole: str) -> None:
    assert problem_with(whole)


def test_what_no_api_server_would_send_is_nowhere() -> None:
    assert place("ResourceQuota", "team-quota") is None
    assert place("ValidatingAdmissionPolicy", 7) is None
