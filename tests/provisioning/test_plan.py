"""The plan is empty when all is well, and sees to everything when it is not."""

from dataclasses import replace

from controlplane.objects import Manifest, Ref, ref_of
from provisioning import plan as planning
from provisioning.desired import Desired
from provisioning.live import Live
from provisioning.plan import (
    Apply,
    Create,
    EnsureRelease,
    MendRelease,
    Recreate,
    Remove,
    RemoveRelease,
    Restore,
    Step,
    plan,
)

from .manifests import binding, deployed, desired_of, owned_by, spec_of

RELEASE_KEY = ("payments-argo", "argo")


def as_applied(desired: Desired) -> Live:
    """The cluster right after everything was applied."""
    ours = [owned_by("argosy", m) for m in (*desired.namespaces, *desired.guard_rails)]
    helms = [owned_by("helm", m) for w in desired.releases for m in w.objects]
    return Live(objects={ref_of(m): m for m in (*ours, *helms)}, releases={RELEASE_KEY: deployed()})


def with_object(live: Live, manifest: Manifest) -> Live:
    return replace(live, objects={**live.objects, ref_of(manifest): manifest})


def without(live: Live, kind: str) -> Live:
    return replace(live, objects={r: m for r, m in live.objects.items() if r.kind != kind})


def steps(desired: Desired, live: Live) -> tuple[Step, ...]:
    return plan(spec_of(), desired, live)


def test_nothing_is_planned_when_all_is_well() -> None:
    desired = desired_of()

    assert steps(desired, as_applied(desired)) == ()


def test_an_empty_cluster_gets_namespaces_then_guard_rails_then_the_release() -> None:
    desired = desired_of()

    planned = steps(desired, Live())

    assert [type(s) for s in planned] == [Create] * 2 + [Apply] * 3 + [EnsureRelease]
    assert [s.stage for s in planned] == sorted(s.stage for s in planned)


def test_a_namespace_that_is_not_ours_stops_everything() -> None:
    desired = desired_of()
    foreign = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments-argo"}}

    live = with_object(as_applied(desired), foreign)

    assert steps(desired, live) == ()
    assert planning.taken_by_others(spec_of(), live) == (
        Ref("v1", "Namespace", "", "payments-argo"),
    )


def test_a_namespace_of_another_tenant_is_not_ours() -> None:
    desired = desired_of()
    theirs = owned_by("argosy", {**desired.namespaces[0]})
    theirs["metadata"] = {
        **theirs["metadata"],
        "labels": {**theirs["metadata"]["labels"], "argosy.dev/namespace": "orders"},
    }

    assert steps(desired, with_object(as_applied(desired), theirs)) == ()


def test_a_missing_guard_rail_is_applied() -> None:
    desired = desired_of()

    planned = steps(desired, without(as_applied(desired), "ResourceQuota"))

    assert [str(s) for s in planned] == ["apply ResourceQuota team-quota in payments"]


def test_a_field_of_somebody_else_is_taken_away() -> None:
    desired = desired_of()
    tampered = owned_by("argosy", desired.guard_rails[0])
    tampered["metadata"]["managedFields"].append(
        {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    )

    planned = steps(desired, with_object(as_applied(desired), tampered))

    assert [type(s) for s in planned] == [Restore]


def test_a_binding_to_another_role_is_made_anew_for_it_cannot_be_changed() -> None:
    desired = desired_of()
    wanted = next(m for m in desired.guard_rails if m["kind"] == "RoleBinding")
    other = owned_by("argosy", {**wanted, "roleRef": binding(role="admin")["roleRef"]})
    other["metadata"]["annotations"] = {}

    planned = steps(desired, with_object(as_applied(desired), other))

    assert planned == (Recreate(planning.Stage.GUARD_RAILS, wanted, "u1"),)


def test_a_release_with_other_values_is_upgraded() -> None:
    desired = desired_of()
    live = replace(as_applied(desired), releases={RELEASE_KEY: deployed("older")})

    assert [type(s) for s in steps(desired, live)] == [EnsureRelease]


def test_a_failed_release_is_upgraded_again() -> None:
    desired = desired_of()
    live = replace(as_applied(desired), releases={RELEASE_KEY: deployed(status="failed")})

    assert [type(s) for s in steps(desired, live)] == [EnsureRelease]


def test_a_release_cut_off_in_the_middle_is_mended_first() -> None:
    desired = desired_of()
    half = deployed(status="pending-install", deployed_revision=0)
    live = replace(as_applied(desired), releases={RELEASE_KEY: half})

    assert [type(s) for s in steps(desired, live)] == [MendRelease, EnsureRelease]


def test_a_missing_object_of_a_release_is_helms_to_bring_back() -> None:
    desired = desired_of()

    planned = steps(desired, without(as_applied(desired), "Deployment"))

    assert [type(s) for s in planned] == [EnsureRelease]


def test_what_others_wrote_into_a_releases_object_goes_after_helm_took_its_own_back() -> None:
    desired = desired_of()
    scaled = owned_by("helm", desired.releases[0].objects[0])
    scaled["metadata"]["managedFields"].append(
        {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    )

    planned = steps(desired, with_object(as_applied(desired), scaled))

    assert [type(s) for s in planned] == [EnsureRelease, Restore]


def test_a_guard_rail_that_is_no_longer_wanted_is_removed() -> None:
    desired = desired_of()
    fewer = replace(desired, guard_rails=desired.guard_rails[:-1])

    planned = steps(fewer, as_applied(desired))

    assert [str(s) for s in planned] == ["remove RoleBinding viewer in payments"]


def test_an_object_of_the_teams_own_is_never_removed() -> None:
    desired = desired_of()
    theirs = {**desired.guard_rails[1], "metadata": {"name": "their-own", "namespace": "payments"}}

    assert steps(desired, with_object(as_applied(desired), theirs)) == ()


def test_to_delete_is_to_desire_nothing_and_the_namespaces_go_last() -> None:
    desired = desired_of()

    planned = steps(Desired(), as_applied(desired))

    assert isinstance(planned[0], RemoveRelease)
    assert all(isinstance(s, Remove) for s in planned[1:])
    assert [s.ref.kind for s in planned[-2:] if isinstance(s, Remove)] == ["Namespace"] * 2


def test_helms_own_objects_are_never_removed_one_by_one() -> None:
    desired = desired_of()
    live = as_applied(desired)
    helms = {**desired.releases[0].objects[0]}
    helms["metadata"] = {
        **helms["metadata"],
        "name": "left-over",
        "uid": "u2",
        "labels": {"argosy.dev/managed": "true", "app.kubernetes.io/managed-by": "Helm"},
    }

    assert steps(desired, with_object(live, helms)) == ()


def test_a_namespace_on_its_way_out_is_not_removed_twice() -> None:
    desired = desired_of()
    leaving = owned_by("argosy", desired.namespaces[0])
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    planned = steps(Desired(), Live(objects={ref_of(leaving): leaving}))

    assert planned == ()


def test_a_namespace_of_another_team_is_not_ours_though_the_platform_made_it() -> None:
    desired = desired_of()
    theirs = owned_by("argosy", {**desired.namespaces[0]})
    labels = {**theirs["metadata"]["labels"], "argosy.dev/team": "other"}
    theirs = {**theirs, "metadata": {**theirs["metadata"], "labels": labels}}

    assert steps(desired, with_object(as_applied(desired), theirs)) == ()


def test_the_same_objects_on_another_cluster_are_another_plan() -> None:
    desired = desired_of()

    assert replace(desired, cluster="elsewhere").fingerprint != desired.fingerprint
