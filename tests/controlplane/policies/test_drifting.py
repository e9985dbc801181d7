"""What of a delivery somebody changed: told from the objects themselves, and undone to the last field."""

from typing import Any

import pytest

from controlplane.objects import Manifest, ref_of, stamped
from controlplane.policies.drifting import Drift, covers, drift_of
from provisioning.live import Live
from provisioning.plan import Apply, Remove, Restore, Stage

US = {"manager": "argosy", "operation": "Apply", "fieldsV1": {"f:spec": {}}}
THEM = {
    "manager": "kubectl-edit",
    "operation": "Update",
    "time": "2026-01-01T18:32:00Z",
    "fieldsV1": {"f:spec": {"f:matchConstraints": {}}},
}
WANTED: Manifest = stamped(
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "argosy-images-pods"},
        "spec": {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [{"scope": "*"}]}},
    }
)


def lying(*entries: Manifest, name: str = "argosy-images-pods", **spec: Any) -> Manifest:
    return {
        **WANTED,
        "metadata": {
            **WANTED["metadata"],
            "name": name,
            "uid": f"uid-{name}",
            "managedFields": list(entries),
        },
        "spec": {**WANTED["spec"], **spec},
    }


def live(*manifests: Manifest) -> Live:
    return Live(objects={ref_of(manifest): manifest for manifest in manifests})


def test_what_lies_as_it_was_brought_is_no_drift_with_all_that_the_api_server_adds() -> None:
    assert drift_of([WANTED], live(lying(US, matchConditions=[]))) == Drift()


def test_what_is_gone_is_made_again() -> None:
    found = drift_of([WANTED], live())

    assert found.steps == (Apply(Stage.GUARD_RAILS, WANTED),)
    assert found.told == "Put back ValidatingAdmissionPolicy argosy-images-pods (it was gone)"


def test_what_somebody_added_narrows_it_without_touching_a_field_of_ours_and_is_taken_away() -> (
    None
):
    narrowed = {**WANTED["spec"]["matchConstraints"], "objectSelector": {"matchLabels": {"a": "b"}}}
    found = drift_of([WANTED], live(lying(US, THEM, matchConstraints=narrowed)))

    assert found.steps == (Restore(Stage.GUARD_RAILS, WANTED, "argosy"),)
    assert "argosy-images-pods (changed by kubectl-edit, 18:32 UTC)" in found.told


def test_what_was_changed_in_our_name_is_told_by_its_value() -> None:
    found = drift_of([WANTED], live(lying(US, failurePolicy="Ignore")))

    assert found.steps == (Apply(Stage.GUARD_RAILS, WANTED),)


def test_an_earlier_wish_of_ours_is_nobodys_doing_and_nothing_is_put_in_its_place_here() -> None:
    newer = stamped({**WANTED, "spec": {**WANTED["spec"], "failurePolicy": "Ignore"}})

    assert drift_of([newer], live(lying(US))) == Drift(older=True)


def test_what_somebody_made_with_our_label_goes() -> None:
    theirs = lying(THEM, name="argosy-images-mine")
    found = drift_of([WANTED], live(lying(US), theirs))

    assert found.steps == (Remove(Stage.REMOVALS, ref_of(theirs), "uid-argosy-images-mine"),)
    assert "argosy-images-mine (made by kubectl-edit" in found.told


@pytest.mark.parametrize(
    ("there", "wanted", "holds"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"b": 2}, {"a": 1}, False),
        ([{"a": 1, "b": 2}], [{"a": 1}], True),
        ([{"a": 1}, {"a": 2}], [{"a": 1}], False),
        (None, {"a": 1}, False),
    ],
)
def test_more_is_taken_from_the_api_server_in_an_object_and_never_in_a_list(
    there: Any, wanted: Any, holds: bool
) -> None:
    assert covers(there, wanted) is holds
