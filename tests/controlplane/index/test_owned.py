"""Whose write it was, told from metadata: stories of writes to one object, on a cluster."""

from collections.abc import Callable

import pytest

from controlplane.index.entries import OwnedEntry
from controlplane.index.owned import is_other, is_tampered, owned_of
from controlplane.index.places import BASE
from controlplane.objects import FINGERPRINT, Manifest

US = {"manager": "argosy", "operation": "Apply"}
THEM = {"manager": "kubectl-edit", "operation": "Update"}
COUNTED = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"}
SPEC = {"f:spec": {"f:hard": {"f:pods": {}, "f:requests.cpu": {}}}, "f:metadata": {"f:labels": {}}}
LESS = {"f:spec": {"f:hard": {"f:requests.cpu": {}}}, "f:metadata": {"f:labels": {}}}
PODS = {"f:spec": {"f:hard": {"f:pods": {}}}}
LABELLED = {"f:metadata": {"f:labels": {"f:mine": {}}}}


def entry(who: Manifest, fields: Manifest, time: str = "1") -> Manifest:
    return {**who, "fieldsV1": fields, "time": f"2026-01-01T00:00:0{time}Z"}


def seen(*entries: Manifest, **meta: object) -> OwnedEntry:
    meta = {"name": "team-quota", "namespace": "payments", "uid": "u", **meta}
    found = owned_of(
        {
            "kind": "ResourceQuota",
            "metadata": {**meta, "resourceVersion": "7", "managedFields": entries},
        },
        manager="argosy",
    )
    assert found is not None
    return found


OURS = seen(entry(US, SPEC))

TAMPERED = {
    "a value is changed": seen(entry(US, LESS), entry(THEM, PODS, "2")),
    "a field is added": seen(entry(US, SPEC), entry(THEM, {"f:spec": {"f:scopes": {}}}, "2")),
    "a field is taken away": seen(entry(US, LESS)),
    "our label is taken over": seen(
        entry(US, {"f:spec": SPEC["f:spec"]}), entry(THEM, LABELLED, "2")
    ),
}
HARMLESS = {
    "nothing of it changed": seen(entry(US, SPEC)),
    "it is counted": seen(entry(US, SPEC), entry(COUNTED, {"f:status": {}}, "2")),
    "somebody labels it": seen(entry(US, SPEC), entry(THEM, LABELLED, "2")),
    "we apply something else": seen(entry(US, LESS, "2")),
}


@pytest.mark.parametrize("story", TAMPERED)
def test_a_write_of_somebody_else_is_told(story: str) -> None:
    assert is_tampered(OURS, TAMPERED[story])
    assert is_other(OURS, TAMPERED[story])


@pytest.mark.parametrize("story", HARMLESS)
def test_our_own_writes_and_what_does_not_matter_are_not_told(story: str) -> None:
    assert not is_tampered(OURS, HARMLESS[story])


def test_our_repair_is_not_told_in_neither_of_its_two_writes() -> None:
    changed = seen(entry(US, LESS), entry(THEM, PODS, "2"))
    applied = seen(entry(US, SPEC, "3"), entry(THEM, {"f:spec": {"f:scopes": {}}}, "2"))
    alone = seen(entry(US, SPEC, "3"))

    assert not is_tampered(changed, applied)
    assert not is_tampered(applied, alone)


def test_a_second_change_by_the_same_hand_is_told_again() -> None:
    once = seen(entry(US, LESS), entry(THEM, PODS, "2"))
    twice = seen(entry(US, LESS), entry(THEM, PODS, "3"))

    assert is_tampered(once, twice)


def test_what_we_made_is_new_and_what_others_made_with_our_label_is_told() -> None:
    assert not is_tampered(None, OURS)
    assert is_tampered(None, seen(entry(THEM, SPEC)))


def test_where_events_are_missing_an_apply_of_ours_may_hide_anothers_write() -> None:
    assert is_other(OURS, seen(entry(US, LESS, "2")))
    assert not is_other(OURS, seen(entry(US, SPEC)))
    assert not is_other(None, OURS)


def test_a_namespace_is_its_own_place() -> None:
    found = owned_of(
        {"kind": "Namespace", "metadata": {"name": "payments", "uid": "u"}}, manager="argosy"
    )

    assert found is not None
    assert found.namespace == "payments"


@pytest.mark.parametrize(
    "lacking", [lambda m: m.pop("uid"), lambda m: m.pop("namespace"), lambda m: m.update(uid=7)]
)
def test_what_no_api_server_would_send_is_nothing(lacking: Callable[[Manifest], None]) -> None:
    meta: Manifest = {"name": "q", "namespace": "payments", "uid": "u"}
    lacking(meta)

    assert owned_of({"kind": "ResourceQuota", "metadata": meta}, manager="argosy") is None


def test_a_policy_of_the_whole_cluster_is_read_as_any_other_object_of_ours() -> None:
    policy = {
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "argosy-namespace-labels", "uid": "u", "managedFields": []},
    }

    found = owned_of(policy, manager="argosy")

    assert found is not None
    assert found.namespace == BASE


def test_what_kubernetes_says_of_a_policy_after_looking_at_its_types_is_no_change() -> None:
    typed = {**US, "manager": "validatingadmissionpolicy-status", "subresource": "status"}

    assert not is_tampered(OURS, seen(entry(US, SPEC), entry(typed, {"f:status": {}}, "2")))


def routing(mark: str, *entries: Manifest) -> OwnedEntry:
    found = owned_of(
        {
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {
                "name": "argosy-images",
                "uid": "u",
                "annotations": {FINGERPRINT: mark},
                "managedFields": entries,
            },
        },
        manager="argosy",
    )
    assert found is not None
    return found


def webhooks(*names: str, marked: bool = True) -> Manifest:
    notes = {"f:annotations": {f"f:{FINGERPRINT}": {}}} if marked else {}
    return {"f:metadata": notes, "f:webhooks": {f"k:{name}": {} for name in names}}


WIDE = routing("wide", entry(US, webhooks("a", "before-a")))


def test_what_a_delivery_widens_and_narrows_within_a_second_is_our_own() -> None:
    assert not is_tampered(WIDE, routing("narrow", entry(US, webhooks("a"))))


def test_who_takes_an_entry_away_within_that_second_is_told_with_our_mark_or_another() -> None:
    assert is_tampered(WIDE, routing("wide", entry(US, webhooks("a"))))
    assert is_tampered(WIDE, routing("of theirs", entry(US, webhooks("a", marked=False))))
