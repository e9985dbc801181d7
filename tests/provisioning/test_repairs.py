"""What a turn puts back, in words: which objects, and who changed them as far as the cluster tells."""

from dataclasses import replace

from controlplane.objects import Manifest, ref_of
from provisioning import repairs
from provisioning.desired import Desired
from provisioning.live import Live
from provisioning.plan import plan

from .manifests import binding, deployed, deployment, desired_of, owned_by, spec_of
from .test_plan import RELEASE_KEY, as_applied, with_object, without

LIMITS = {"f:spec": {"f:hard": {"f:pods": {}}}}


def told(desired: Desired, live: Live) -> str:
    return repairs.told(plan(spec_of(), desired, live), desired, live, control="payments-argo")


def guard_rail(desired: Desired, kind: str) -> Manifest:
    return next(m for m in desired.guard_rails if m["kind"] == kind)


def changed(wanted: Manifest, who: str, time: str = "2026-11-21T18:32:05Z") -> Manifest:
    """As the API server shows it after somebody wrote over a field of it."""
    ours = owned_by("argosy", wanted)
    entry = {"manager": who, "operation": "Update", "time": time, "fieldsV1": LIMITS}
    fields = [*ours["metadata"]["managedFields"], entry]
    return {**ours, "metadata": {**ours["metadata"], "managedFields": fields}}


def test_what_is_gone_and_what_was_changed_is_named_with_who_and_when() -> None:
    desired = desired_of()
    live = without(as_applied(desired), "NetworkPolicy")
    live = with_object(live, changed(guard_rail(desired, "ResourceQuota"), "kubectl-edit"))

    assert told(desired, live) == (
        "Put back ResourceQuota team-quota (changed by kubectl-edit, 18:32 UTC) "
        "and NetworkPolicy default-deny (it was gone)"
    )


def test_of_several_hands_the_last_one_is_named() -> None:
    desired = desired_of()
    quota = changed(guard_rail(desired, "ResourceQuota"), "earlier", "2026-11-21T18:00:00Z")
    later = {**quota["metadata"]["managedFields"][-1], "manager": "later", "time": "odd"}
    quota["metadata"]["managedFields"].append(later)

    assert "(changed by later)" in told(desired, with_object(as_applied(desired), quota))


def test_what_somebody_took_out_leaves_no_name_and_none_is_made_up() -> None:
    desired = desired_of()
    quota = owned_by("argosy", guard_rail(desired, "ResourceQuota"))
    quota["spec"] = {"hard": {}}

    said = told(desired, with_object(as_applied(desired), quota))

    assert said == "Put back ResourceQuota team-quota (changed)"


def test_a_name_that_somebody_chose_is_cut_and_printable() -> None:
    desired = desired_of()
    quota = changed(guard_rail(desired, "ResourceQuota"), "\x1b[31m" + "x" * 200)

    said = told(desired, with_object(as_applied(desired), quota))

    assert "\x1b" not in said
    assert len(said) < 120


def test_what_is_newly_wanted_is_no_repair() -> None:
    old, new = desired_of(), desired_of(spec_of(team="payments"))
    quota = guard_rail(old, "ResourceQuota")
    older = {**quota, "spec": {"hard": {"pods": "1"}}}
    older["metadata"] = {**older["metadata"], "annotations": {"argosy.dev/fingerprint": "older"}}

    assert told(new, with_object(as_applied(new), owned_by("argosy", older))) == ""


def test_a_release_whose_deployment_is_gone_is_named_by_it() -> None:
    desired = desired_of()

    assert told(desired, without(as_applied(desired), "Deployment")) == (
        "Put back Deployment workflow-controller in payments-argo (it was gone)"
    )


def test_a_release_that_is_upgraded_is_no_repair() -> None:
    desired = desired_of()
    live = replace(as_applied(desired), releases={RELEASE_KEY: deployed("older")})
    older = deployment()
    older["metadata"]["annotations"] = {"argosy.dev/fingerprint": "older"}

    assert told(desired, with_object(live, owned_by("helm", older))) == ""


def test_what_somebody_slipped_in_under_our_label_is_told() -> None:
    desired = desired_of()
    evil = binding(role="admin")
    evil["metadata"] = {
        **evil["metadata"],
        "name": "evil",
        "labels": {"argosy.dev/managed": "true"},
    }
    evil = owned_by("kubectl-create", evil, "Update")

    said = told(desired, with_object(as_applied(desired), evil))

    assert said == "Took away RoleBinding evil (made by kubectl-create)"
    assert repairs.is_told(said)


def test_what_is_no_longer_wanted_of_our_own_goes_in_silence() -> None:
    desired = desired_of()
    fewer = replace(desired, guard_rails=desired.guard_rails[:-1])
    last = desired.guard_rails[-1]
    live = as_applied(desired)

    assert ref_of(last) in live.objects
    assert told(fewer, live) == ""


def test_a_long_list_is_cut() -> None:
    desired = desired_of()
    many = tuple(
        {
            **desired.guard_rails[0],
            "metadata": {**desired.guard_rails[0]["metadata"], "name": f"q{n}"},
        }
        for n in range(9)
    )
    desired = replace(desired, guard_rails=many)

    said = told(desired, replace(as_applied(desired), objects={
        ref: m for ref, m in as_applied(desired).objects.items() if ref.kind != "ResourceQuota"
    }))  # fmt: skip

    assert said.endswith("and ResourceQuota q5 (it was gone) and 3 more")
