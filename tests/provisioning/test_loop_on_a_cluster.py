"""The loop on a real API server: a wish becomes true, stays true, and bad days leave no mess."""

import copy
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.utils import timezone

from controlplane.clusters import credentials
from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.kube.errors import Forbidden, HelmFailed, HelmTimedOut
from controlplane.kube.gateway import KubeGateway
from controlplane.kube.helm import Helm
from controlplane.objects import Manifest, Ref, ref_of
from provisioning import reconcile as loop
from provisioning import render, tasks
from provisioning.desired import GUARD_RAIL_KINDS
from provisioning.observe import observe
from provisioning.plan import plan
from provisioning.reconcile import reconcile
from tenants import services
from tenants.models import TenantNamespace, Tier

from .conftest import DEADLINE, Wanting, turns_until

pytestmark = pytest.mark.cluster

NETWORKING, RBAC = "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1"


def last_steps(namespace: TenantNamespace) -> list[str]:
    turn = namespace.turns.first()
    return [] if turn is None else [s["step"] for s in turn.steps]


def pairs(spec: Any) -> list[Manifest]:
    return list(render.render(spec).guard_rails)


def test_a_wish_becomes_ready_and_everything_is_there(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    spec = ready.spec()
    desired = render.render(spec)

    assert all(kube.get(ref) is not None for ref in desired.refs)
    assert {c["type"]: c["status"] for c in ready.conditions} == {
        "NamespaceReady": "True",
        "GuardRailsReady": "True",
        "ArgoReady": "True",
        "ImageRulesReady": "True",
        "Ready": "True",
    }
    assert ready.observed_generation == ready.generation


def test_a_turn_with_nothing_to_do_plans_nothing_even_when_it_looks_thoroughly(
    ready: TenantNamespace,
) -> None:
    spec, desired = ready.spec(), render.render(ready.spec())

    live = observe(connect(ready.cluster), spec, desired, thorough=True)

    assert plan(spec, desired, live) == ()


def patched(change: Manifest) -> Callable[[KubeGateway, Ref], None]:
    def tamper(kube: KubeGateway, ref: Ref) -> None:
        kube.patch(ref, change, manager="somebody")

    return tamper


def deleted(kube: KubeGateway, ref: Ref) -> None:
    kube.delete(ref)


def unlabelled(kube: KubeGateway, ref: Ref) -> None:
    kube.patch(ref, {"metadata": {"labels": {"argosy.dev/managed": None}}}, manager="somebody")


QUOTA = ("v1", "ResourceQuota", "team-quota")
LIMITS = ("v1", "LimitRange", "team-limits")
DENY = (NETWORKING, "NetworkPolicy", "default-deny")
RUNNER = ("v1", "ServiceAccount", "workflow-runner")
VIEWER_ROLE = (RBAC, "Role", "argosy-viewer")
VIEWER_BINDING = (RBAC, "RoleBinding", "argosy-viewer")
EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
MORE = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "mallory"}

TAMPERINGS = {
    "a quota is raised": (QUOTA, patched({"spec": {"hard": {"pods": "9999"}}})),
    "a quota's key is taken away": (QUOTA, patched({"spec": {"hard": {"pods": None}}})),
    "a quota's key is added": (QUOTA, patched({"spec": {"hard": {"services": "0"}}})),
    "a quota is deleted": (QUOTA, deleted),
    "a limit range is emptied": (LIMITS, patched({"spec": {"limits": []}})),
    "a limit range is deleted": (LIMITS, deleted),
    "an empty selector is narrowed": (
        DENY,
        patched({"spec": {"podSelector": {"matchLabels": {"only": "this"}}}}),
    ),
    "a peer is added": (
        DENY,
        patched({"spec": {"ingress": [{"from": [{"namespaceSelector": {}}]}]}}),
    ),
    "a policy type is taken away": (DENY, patched({"spec": {"policyTypes": ["Ingress"]}})),
    "a network policy is deleted": (DENY, deleted),
    "a network policy loses its label": (DENY, unlabelled),
    "an account mounts its token": (RUNNER, patched({"automountServiceAccountToken": True})),
    "an account is deleted": (RUNNER, deleted),
    "a role is given everything": (VIEWER_ROLE, patched({"rules": EVERYTHING})),
    "a role is deleted": (VIEWER_ROLE, deleted),
    "a subject is added to a binding": (VIEWER_BINDING, patched({"subjects": [MORE]})),
    "a binding is deleted": (VIEWER_BINDING, deleted),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_seen_at_the_next_turn_and_repaired(
    what: str, ready: TenantNamespace, kube: KubeGateway
) -> None:
    (api_version, kind, name), tamper = TAMPERINGS[what]
    ref = Ref(api_version, kind, ready.name, name)
    before = kube.get(ref)
    assert before is not None, f"the charts make no {ref}"
    tamper(kube, ref)

    reconcile(ready.pk)

    assert any(str(ref) in step for step in last_steps(ready)), last_steps(ready)
    after = kube.get(ref)
    assert after is not None
    assert content(after) == content(before)
    turns = ready.turns.count()
    turns_until(ready, "Ready")
    reconcile(ready.pk)
    assert ready.turns.count() == turns, "the repair did not settle"


def content(manifest: Manifest) -> Manifest:
    """What an object says, without what the API server keeps about it."""
    meta = {k: manifest["metadata"].get(k) for k in ("name", "namespace", "labels", "annotations")}
    rest = {k: v for k, v in manifest.items() if k not in {"metadata", "status"}}
    return {**rest, "metadata": meta}


def test_every_kind_of_guard_rail_is_among_the_tamperings() -> None:
    tampered = {(ref[0], ref[1]) for ref, _ in TAMPERINGS.values()}

    assert tampered == set(GUARD_RAIL_KINDS)


def test_a_binding_to_another_role_is_made_anew(ready: TenantNamespace, kube: KubeGateway) -> None:
    ref = Ref(RBAC, "RoleBinding", ready.name, "argosy-viewer")
    found = kube.get(ref)
    assert found is not None
    kube.delete(ref)
    other = copy.deepcopy(found)
    other["metadata"] = {
        k: found["metadata"][k] for k in ("name", "namespace", "labels", "annotations")
    }
    other["roleRef"]["name"] = "argosy-owner"
    kube.create(other)

    reconcile(ready.pk)

    mended = kube.get(ref)
    assert mended is not None
    assert mended["roleRef"]["name"] == "argosy-viewer"


def test_an_edit_under_our_own_managers_name_is_seen_by_the_thorough_look(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    ref = Ref("v1", "ResourceQuota", ready.name, "team-quota")
    wanted = next(m for m in pairs(ready.spec()) if ref_of(m) == ref)
    kube.apply({**wanted, "spec": {"hard": {**wanted["spec"]["hard"], "pods": "9999"}}})
    TenantNamespace.objects.filter(pk=ready.pk).update(thorough_at=None)

    reconcile(ready.pk)

    found = kube.get(ref)
    assert found is not None
    assert found["spec"]["hard"]["pods"] == "50"


def test_a_quantity_written_otherwise_leads_to_no_endless_plan(want: Wanting) -> None:
    tier = Tier.objects.get(slug="small")
    tier.quota = {**tier.quota, "requests.cpu": "4000m", "limits.memory": "16384Mi"}
    services.save_tier(tier)
    namespace = turns_until(want(), "Ready")
    turns = namespace.turns.count()
    TenantNamespace.objects.filter(pk=namespace.pk).update(thorough_at=None)

    reconcile(namespace.pk)

    assert namespace.turns.count() == turns


@pytest.mark.parametrize("suffix", ["", "-argo"])
def test_a_namespace_that_is_not_ours_is_never_touched(
    suffix: str, want: Wanting, kube: KubeGateway
) -> None:
    namespace = want()
    theirs = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace.name + suffix, "labels": {"owner": "somebody"}},
    }
    before = kube.create(theirs)

    for _ in range(2):
        reconcile(namespace.pk)

    namespace.refresh_from_db()
    assert (namespace.phase, namespace.ready.reason) == ("Degraded", "NameTaken")  # type: ignore[union-attr]
    after = kube.get(ref_of(theirs))
    assert after is not None
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    other = namespace.name if suffix else f"{namespace.name}-argo"
    assert kube.get(Ref("v1", "Namespace", "", other)) is None


def test_a_deleted_namespace_comes_back_with_everything_in_it(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    kube.delete(Ref("v1", "Namespace", "", ready.name))

    reconcile(ready.pk)
    ready.refresh_from_db()
    assert ready.phase == "Provisioning"
    namespace = turns_until(ready, "Ready")

    assert kube.get(Ref("v1", "ResourceQuota", namespace.name, "team-quota")) is not None


def test_a_release_whose_deployment_was_scaled_and_extended_comes_back(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    ref = Ref("apps/v1", "Deployment", f"{ready.name}-argo", "workflow-controller")
    change = {"spec": {"replicas": 0, "template": {"spec": {"hostAliases": [{"ip": "10.0.0.9"}]}}}}
    kube.patch(ref, change, manager="somebody")

    reconcile(ready.pk)
    turns_until(ready, "Ready")

    found = kube.get(ref)
    assert found is not None
    assert found["spec"]["replicas"] == 1
    assert "hostAliases" not in found["spec"]["template"]["spec"]
    turns = ready.turns.count()
    reconcile(ready.pk)
    assert ready.turns.count() == turns


def test_a_config_map_of_the_release_that_was_deleted_comes_back(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    ref = Ref("v1", "ConfigMap", f"{ready.name}-argo", "workflow-controller-configmap")
    kube.delete(ref)

    turns_until(ready, "Ready")
    reconcile(ready.pk)

    assert kube.get(ref) is not None


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade"])
def test_a_release_cut_off_in_the_middle_is_mended_and_nothing_is_uninstalled(
    status: str, ready: TenantNamespace, kube: KubeGateway
) -> None:
    control = f"{ready.name}-argo"
    if status == "pending-upgrade":
        TenantNamespace.objects.filter(pk=ready.pk).update(generation=2)
    deployment = kube.get(Ref("apps/v1", "Deployment", control, "workflow-controller"))
    assert deployment is not None
    secret = kube.list("v1", "Secret", control, labels="owner=helm")[-1]
    kube.patch(ref_of(secret), {"metadata": {"labels": {"status": status}}})

    reconcile(ready.pk)
    turns_until(ready, "Ready")

    after = kube.get(Ref("apps/v1", "Deployment", control, "workflow-controller"))
    assert after is not None
    assert after["metadata"]["uid"] == deployment["metadata"]["uid"], "it was uninstalled"
    records = kube.list("v1", "Secret", control, labels="owner=helm,name=argo")
    assert [s["metadata"]["labels"]["status"] for s in records].count("deployed") == 1


def test_two_workers_with_one_row_take_one_turn(want: Wanting) -> None:
    namespace = want()
    now = timezone.now()
    taken = TenantNamespace.objects.claim(namespace.pk, now=now, until=now + timedelta(seconds=90))

    assert taken is not None
    assert reconcile(namespace.pk) is None


def test_a_lease_that_ran_out_is_taken_over_and_the_sleeper_writes_nothing(want: Wanting) -> None:
    namespace = want()
    past = timezone.now() - timedelta(seconds=100)
    sleeper = TenantNamespace.objects.claim(
        namespace.pk, now=past, until=past + timedelta(seconds=90)
    )
    assert sleeper is not None
    turns_until(namespace, "Ready")

    written = services.record_status(
        sleeper, generation=1, conditions=(), now=timezone.now(), next_turn=timedelta(), failed=True
    )

    namespace.refresh_from_db()
    assert written is None
    assert namespace.phase == "Ready"


def test_a_tier_edited_while_a_turn_runs_brings_the_row_back(
    ready: TenantNamespace, monkeypatch: pytest.MonkeyPatch, kube: KubeGateway
) -> None:
    def edited_meanwhile(*args: Any, **kwargs: Any) -> Any:
        if not edits:
            edits.append(1)
            tier = Tier.objects.get(slug="small")
            tier.quota = {**tier.quota, "pods": "33"}
            services.save_tier(tier)
        return observe(*args, **kwargs)

    edits: list[int] = []
    monkeypatch.setattr(loop, "observe", edited_meanwhile)

    reconcile(ready.pk)

    ready.refresh_from_db()
    assert ready.observed_generation < ready.generation
    assert ready.phase == "Provisioning"
    assert TenantNamespace.objects.due(timezone.now()).filter(pk=ready.pk).exists()
    turns_until(ready, "Ready")
    found = kube.get(Ref("v1", "ResourceQuota", ready.name, "team-quota"))
    assert found is not None
    assert found["spec"]["hard"]["pods"] == "33"


def test_a_cluster_that_does_not_answer_leaves_its_rows_waiting_with_the_reason(
    ready: TenantNamespace, want: Wanting
) -> None:
    config = credentials.opened(ready.cluster)
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    away = Cluster.objects.create(
        name="away",
        sealed_kubeconfig=credentials.sealed(config, "away"),
        server="https://127.0.0.1:1",
        api_endpoints=ready.cluster.api_endpoints,
    )
    TenantNamespace.objects.filter(pk=ready.pk).update(cluster=away)
    other = want()

    reconcile(ready.pk)
    turns_until(other, "Ready")

    ready.refresh_from_db()
    assert ready.ready is not None
    assert ready.ready.reason == "ClusterUnreachable"
    assert "Connection refused" in ready.ready.message


def test_a_change_since_approval_goes_back_to_the_approver_and_makes_nothing(
    want: Wanting, kube: KubeGateway
) -> None:
    namespace = want(plan_hash="what-was-shown-then")

    reconcile(namespace.pk)

    namespace.refresh_from_db()
    assert namespace.ready is not None
    assert namespace.ready.reason == "PlanChanged"
    assert kube.get(Ref("v1", "Namespace", "", namespace.name)) is None


def test_what_failed_half_way_is_still_bound_to_the_plan_that_was_approved(
    want: Wanting, kube: KubeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = want()
    refused = Forbidden("not today", code=403, status={})
    monkeypatch.setattr(Helm, "upgrade", Mock(side_effect=refused))
    reconcile(namespace.pk)
    tier = Tier.objects.get(slug="small")
    tier.quota = {**tier.quota, "pods": "44"}
    services.save_tier(tier)

    reconcile(namespace.pk)

    namespace.refresh_from_db()
    assert namespace.ready is not None
    assert namespace.ready.reason == "PlanChanged"
    assert namespace.begun_at is not None
    assert namespace.applied_at is None
    found = kube.get(Ref("v1", "ResourceQuota", namespace.name, "team-quota"))
    assert found is not None
    assert found["spec"]["hard"]["pods"] == "50"


def test_a_namespace_that_comes_about_between_look_and_apply_is_not_adopted(
    want: Wanting, kube: KubeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = want()
    theirs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace.name}}

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        seen = observe(*args, **kwargs)
        if kube.get(ref_of(theirs)) is None:
            kube.create(theirs)
        return seen

    monkeypatch.setattr(loop, "observe", overtaken)
    reconcile(namespace.pk)
    reconcile(namespace.pk)

    namespace.refresh_from_db()
    assert namespace.ready is not None
    assert namespace.ready.reason == "NameTaken"
    found = kube.get(ref_of(theirs))
    assert found is not None
    assert "argosy.dev/managed" not in found["metadata"]["labels"]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (HelmFailed("cannot re-use a name that is still in use"), "HelmFailed"),
        (HelmTimedOut("helm did not end within 60 s"), "HelmTimedOut"),
    ],
)
def test_what_helm_says_is_shown_and_tried_again_on_schedule(
    failure: HelmFailed, reason: str, want: Wanting, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = want()
    with monkeypatch.context() as broken:
        broken.setattr(Helm, "upgrade", Mock(side_effect=failure))
        reconcile(namespace.pk)

    namespace.refresh_from_db()
    assert namespace.phase == "Degraded"
    assert namespace.ready is not None
    assert namespace.ready.reason == reason
    assert failure.sentence in namespace.ready.message
    assert timedelta(0) < namespace.next_reconcile_at - timezone.now() <= timedelta(seconds=10)
    turns_until(namespace, "Ready")


def test_a_cluster_that_answers_again_has_its_rows_looked_at_at_once(
    ready: TenantNamespace,
) -> None:
    away = Cluster.objects.filter(pk=ready.cluster_id)
    away.update(reachable=False)
    TenantNamespace.objects.filter(pk=ready.pk).update(
        failures=4, next_reconcile_at=timezone.now() + timedelta(minutes=9)
    )

    tasks.probe_cluster(ready.cluster_id)

    assert away.get().reachable is True
    assert TenantNamespace.objects.due(timezone.now()).filter(pk=ready.pk).exists()


def test_an_api_server_that_moved_brings_the_network_policies_after_it(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    Cluster.objects.filter(pk=ready.cluster_id).update(
        api_endpoints=[{"ip": "10.1.1.1", "port": 443}]
    )
    reconcile(ready.pk)
    policy = Ref("networking.k8s.io/v1", "NetworkPolicy", ready.name, "workflow-pods")
    assert "10.1.1.1" in str(kube.get(policy))

    tasks.probe_cluster(ready.cluster_id)
    turns_until(ready, "Ready")
    reconcile(ready.pk)

    assert "10.1.1.1" not in str(kube.get(policy))


def test_a_turn_that_was_queued_twice_is_taken_once(ready: TenantNamespace) -> None:
    turns = ready.turns.count()
    scheduled = ready.next_reconcile_at

    tasks.reconcile_namespace(ready.pk)

    ready.refresh_from_db()
    assert (ready.turns.count(), ready.next_reconcile_at) == (turns, scheduled)


def test_a_cluster_that_goes_away_is_told_on_each_of_its_rows(ready: TenantNamespace) -> None:
    config = credentials.opened(ready.cluster)
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    away = credentials.sealed(config, ready.cluster.name)
    Cluster.objects.filter(pk=ready.cluster_id).update(sealed_kubeconfig=away)

    tasks.probe_cluster(ready.cluster_id)

    ready.refresh_from_db()
    assert ready.phase == "Degraded"
    assert ready.ready is not None
    assert ready.ready.reason == "ClusterUnreachable"
    assert {c["type"] for c in ready.conditions} > {"Ready", "ArgoReady"}


def test_a_namespace_held_by_a_finalizer_says_what_holds_it(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": ready.name, "finalizers": ["example.com/wait"]},
    }
    kube.create(held)
    kube.delete(Ref("v1", "Namespace", "", ready.name))
    try:
        deadline = time.monotonic() + DEADLINE
        while "example.com/wait" not in (ready.ready.message if ready.ready else ""):
            assert time.monotonic() < deadline, ready.ready
            reconcile(ready.pk)
            ready.refresh_from_db()
        assert ready.phase == "Provisioning"
        assert ready.ready is not None
        assert ready.ready.reason == "NamespaceTerminating"
    finally:
        kube.patch(ref_of(held), {"metadata": {"finalizers": None}})
    turns_until(ready, "Ready")


def test_a_turn_that_was_cut_off_is_closed_by_the_next_one(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    cut_off = ready.turns.create(generation=1)
    kube.delete(Ref("v1", "ResourceQuota", ready.name, "team-quota"))

    reconcile(ready.pk)

    cut_off.refresh_from_db()
    assert cut_off.outcome == "CutOff"
    assert cut_off.ended_at is not None
