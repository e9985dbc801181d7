"""Every way to tamper with an object is seen, and an untouched one never is."""

import copy
from collections.abc import Callable

import pytest

from controlplane.objects import Manifest
from provisioning.desired import guard_rails_of
from provisioning.drift import is_drifted

from .manifests import owned_by, policy, quota, spec_of


def wanted_quota() -> Manifest:
    return guard_rails_of(spec_of(), [quota()])[0]


def wanted_policy() -> Manifest:
    return guard_rails_of(spec_of(), [policy()])[0]


def seen(live: Manifest, wanted: Manifest, answer: Manifest | None = None) -> bool:
    return is_drifted(live, wanted, manager="argosy", answer=answer)


def somebody_owns(live: Manifest, *fields: str, operation: str = "Update") -> None:
    live["metadata"]["managedFields"].append(
        {"manager": "kubectl", "operation": operation, "fieldsV1": {f: {} for f in fields}}
    )


def test_what_we_applied_is_not_drift() -> None:
    wanted = wanted_quota()

    assert not seen(owned_by("argosy", wanted), wanted)


def test_a_quantity_written_otherwise_is_not_drift() -> None:
    wanted = wanted_quota()
    live = copy.deepcopy(owned_by("argosy", wanted))
    live["spec"]["hard"]["requests.cpu"] = "4000m"

    assert not seen(live, wanted)


def test_a_controllers_status_is_not_drift() -> None:
    wanted = wanted_quota()
    live = owned_by("argosy", wanted) | {"status": {"used": {"pods": "1"}}}
    live["metadata"]["managedFields"].append(
        {
            "manager": "kube-controller-manager",
            "operation": "Update",
            "subresource": "status",
            "fieldsV1": {"f:status": {}},
        }
    )

    assert not seen(live, wanted)


def test_a_label_that_somebody_added_is_theirs_and_not_drift() -> None:
    wanted = wanted_quota()
    live = copy.deepcopy(owned_by("argosy", wanted))
    live["metadata"]["labels"]["their"] = "own"
    somebody_owns(live, "f:metadata")

    assert not seen(live, wanted)


def test_what_the_api_server_leaves_out_because_it_is_empty_is_not_drift() -> None:
    wanted = copy.deepcopy(wanted_policy())
    wanted["spec"]["ingress"] = []

    assert not seen(
        owned_by("argosy", wanted_policy()), {**wanted_policy(), "spec": wanted["spec"]}
    )


def narrowed(live: Manifest) -> None:
    live["spec"]["podSelector"] = {"matchLabels": {"only": "this"}}
    somebody_owns(live, "f:spec")


def peer_added(live: Manifest) -> None:
    live["spec"]["ingress"] = [{"from": [{"namespaceSelector": {}}]}]
    somebody_owns(live, "f:spec")


def type_taken_away(live: Manifest) -> None:
    live["spec"]["policyTypes"] = ["Ingress"]


def field_taken_away(live: Manifest) -> None:
    del live["spec"]["policyTypes"]


def mark_taken_away(live: Manifest) -> None:
    del live["metadata"]["annotations"]["argosy.dev/fingerprint"]


def label_changed(live: Manifest) -> None:
    live["metadata"]["labels"]["argosy.dev/team"] = "another"


def written_under_our_name(live: Manifest) -> None:
    live["metadata"]["managedFields"].append(
        {"manager": "argosy", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    )


def applied_by_another(live: Manifest) -> None:
    somebody_owns(live, "f:spec", operation="Apply")


@pytest.mark.parametrize(
    "tamper",
    [
        narrowed,
        peer_added,
        type_taken_away,
        field_taken_away,
        mark_taken_away,
        label_changed,
        written_under_our_name,
        applied_by_another,
    ],
)
def test_tampering_is_seen_by_the_quick_look(tamper: Callable[[Manifest], None]) -> None:
    wanted = wanted_policy()
    live = copy.deepcopy(owned_by("argosy", wanted))
    tamper(live)

    assert seen(live, wanted)


def test_an_apply_under_our_own_name_is_seen_by_the_thorough_look() -> None:
    wanted = wanted_quota()
    live = copy.deepcopy(owned_by("argosy", wanted))
    live["spec"]["hard"]["pods"] = "9999"

    assert not seen(live, wanted)
    assert seen(live, wanted, answer=owned_by("argosy", wanted))


def test_the_thorough_look_is_blind_to_what_the_server_keeps() -> None:
    wanted = wanted_quota()
    live = owned_by("argosy", wanted) | {"status": {"used": {"pods": "3"}}}
    answer = copy.deepcopy(live)
    answer["metadata"] |= {"resourceVersion": "99", "generation": 7, "managedFields": []}

    assert not seen(live, wanted, answer=answer)


@pytest.mark.parametrize("value", [False, 0])
def test_a_field_set_to_no_that_was_taken_away_is_missed(value: object) -> None:
    wanted = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "a", "namespace": "payments"},
        "automountServiceAccountToken": value,
    }
    live = copy.deepcopy(owned_by("argosy", wanted))
    assert not seen(live, wanted)

    del live["automountServiceAccountToken"]

    assert seen(live, wanted)
