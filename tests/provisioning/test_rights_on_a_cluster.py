"""The role on a real API server: all our calls are in it, it gives nothing away, and accounts change."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from django.db.models import F
from django.utils import timezone

from controlplane.clusters import base_release, probe
from controlplane.clusters import services as clusters
from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.clusters.preflight import NotFit
from controlplane.clusters.rights import Right, needed
from controlplane.index.kinds import STREAMS
from controlplane.kube.errors import Forbidden, Untrusted
from controlplane.kube.gateway import APPLY, KubeGateway
from controlplane.kube.resources import resource_of
from controlplane.objects import Manifest, Ref
from controlplane.placement.tasks import count_nodes
from controlplane.policies import delivering, delivery
from localcluster.clusters import RunningCluster
from localcluster.home import Home
from provisioning import calls
from provisioning.desired import GUARD_RAIL_KINDS
from provisioning.reconcile import reconcile
from tenants.models import TenantNamespace
from tests.cluster_fixtures import account_with_the_role

from .conftest import Wanting, turns_until

pytestmark = pytest.mark.cluster

RBAC = "rbac.authorization.k8s.io/v1"
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
COLLECTIONS = {"api": 2, "apis": 3}  # parts of a path before the resource or its namespace

# Called by helm, a program of its own; its failing without them is what the other tests here would show.
HELMS = {"secrets", "configmaps", "services", "deployments", "ingresses"}


def rights_of(method: str, path: str, query: dict[str, str], kind: str) -> list[Right]:
    """What the API server asks for when it is called so."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] not in COLLECTIONS or len(parts) <= COLLECTIONS[parts[0]]:
        return [Right(path=path)]
    group = parts[1] if parts[0] == "apis" else ""
    rest = parts[COLLECTIONS[parts[0]] :]
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    called = query.get("fieldSelector", "").removeprefix("metadata.name=")
    name = rest[1] if len(rest) > 1 else called  # RBAC takes such a selector for the name
    resource = "/".join([rest[0], *rest[2:]])
    if method == "GET":
        verb = "watch" if query.get("watch") else "get" if name else "list"
        return [Right(group, resource, verb, name)]
    made = [Right(group, resource, "create", name)] if kind == APPLY else []
    return [Right(group, resource, VERBS[method], name), *made]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, kube: KubeGateway) -> set[Right]:
    """What the platform asks of the cluster from here on, in its own name."""
    seen: set[Right] = set()
    send = KubeGateway._send

    def sending(door: KubeGateway, method: str, path: str, *rest: object, **more: object) -> object:
        if door is not kube and not door._headers:
            query = rest[0] if rest and isinstance(rest[0], dict) else {}
            kind = str(rest[2]) if len(rest) > 2 else ""
            seen.update(rights_of(method, path, query, kind))
        return send(door, method, path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(KubeGateway, "_send", sending)
    return seen


@pytest.fixture
def rules_go(kube: KubeGateway) -> Iterator[None]:
    """The image policies that are brought here are no other test's."""
    yield
    delivery.withdraw(kube)


def test_every_call_is_in_the_role_and_what_nobody_calls_is_not(
    asked: set[Right],
    rules_go: None,
    want: Wanting,
    cluster: Cluster,
    platform_kubeconfig: Path,
    kube: KubeGateway,
) -> None:
    # A whole life: registered again, brought rules, followed, made, spoilt, put back, taken away.
    text = platform_kubeconfig.read_text()
    cluster = clusters.register(name=cluster.name, kubeconfig_text=text)
    assert probe.look(cluster).error is None
    mine = connect(cluster).kube
    for kind in (stream.asked for stream in STREAMS):
        asked_for = (kind.api_version, kind.name)
        version = mine.list_from(*asked_for, fields=kind.fields, limit=1).resource_version
        for _ in mine.watch(*asked_for, fields=kind.fields, resource_version=version, seconds=1):
            break
    wanted = want()
    reconcile(wanted.pk)
    delivering.bring(cluster, now=timezone.now())
    count_nodes(cluster.pk)
    ready = turns_until(wanted, "Ready")
    for spoil in spoilings(ready, kube):
        spoil()
        reconcile(ready.pk)
        turns_until(ready, "Ready")
    TenantNamespace.objects.filter(pk=ready.pk).update(thorough_at=None)
    reconcile(ready.pk)
    unwanted(ready)
    turns_until(ready, "Terminated")

    held, given = needed(), set(calls.given())
    assert [str(a) for a in sorted(asked) if not any(right.covers(a) for right in held)] == []
    idle = {
        (right.verb, right.resource)
        for right in held
        if right not in given and not any(right.covers(met) for met in asked)
    }
    assert {each for each in idle if each[1] not in HELMS | RARE.keys()} <= set(MENDING)


# What the loop does to any of its objects one day: take away another's fields, or what is not wanted.
MENDING = [
    (verb, resource_of(*kind).plural)
    for verb in ("update", "delete")
    for kind in (("v1", "Namespace"), *GUARD_RAIL_KINDS)
]
RARE = {
    "validatingadmissionpolicies": "deleted when a rule ends",
    "validatingadmissionpolicybindings": "deleted when a rule ends",
    "validatingwebhookconfigurations": "there where a webhook is",
    "serviceaccounts": "impersonated, in a person's name",
    "workflowtemplates": "read before a policy binds, and tried",
    "cronworkflows": "read before a policy binds, and tried",
    "clusterworkflowtemplates": "tried when there are rules",
    "cronjobs": "tried when there are rules",
    "podtemplates": "tried when there are rules",
    "workflows": "tried when there are rules",
    "workflowtasksets": "tried when there are rules",
    "pods": "read while a controller does not come up",
    "customresourcedefinitions": "put back when the base drifted",
    "priorityclasses": "put back when the base drifted",
    "clusterroles": "put back when the base drifted",
    "clusterrolebindings": "put back when the base drifted",
    "serviceaccounts/token": "the metrics engine's, by name",
    "services/proxy": "given to the metrics engine's account, and never used by ours",
}


def spoilings(ready: TenantNamespace, kube: KubeGateway) -> Iterator[Callable[[], object]]:
    quota = Ref("v1", "ResourceQuota", ready.name, "team-quota")
    role = Ref(RBAC, "Role", ready.name, "argosy-viewer")
    yield lambda: kube.patch(quota, {"spec": {"hard": {"pods": "9999"}}}, manager="somebody")
    yield lambda: kube.delete(role)


def test_the_platform_can_give_no_right_that_is_not_in_its_role(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    mine = connect(ready.cluster).kube
    more: Manifest = {
        "apiVersion": RBAC,
        "kind": "Role",
        "metadata": {"name": "argosy-viewer", "namespace": ready.name},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["delete"]}],
    }
    admin: Manifest = {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": "mine", "namespace": "kube-system"},
        "roleRef": {"apiGroup": RBAC[:-3], "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "apiGroup": RBAC[:-3], "name": "argosy-platform"}],
    }

    for manifest in (more, admin):
        with pytest.raises(Forbidden, match="not currently held"):
            mine.apply(manifest)

    wide = {right.resource for right in needed() if not right.name}
    assert not wide & {"clusterroles", "clusterrolebindings"}


@pytest.fixture
def second(local_cluster: RunningCluster, cluster_home: Home) -> Path:
    """Another account with the role."""
    return account_with_the_role(local_cluster, cluster_home, "argosy-second")


def unwanted(namespace: TenantNamespace) -> None:
    """The team wants it gone."""
    TenantNamespace.objects.filter(pk=namespace.pk).update(
        deletion_requested_at=timezone.now(),
        generation=F("generation") + 1,
        next_reconcile_at=timezone.now(),
    )


def test_another_account_takes_over_and_what_was_begun_by_the_first_ends(
    ready: TenantNamespace, second: Path, platform_kubeconfig: Path
) -> None:
    begun = connect(ready.cluster).kube
    labelled = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": ready.name, "labels": {"argosy.dev/team": ready.team.slug}},
    }

    clusters.register(name=ready.cluster.name, kubeconfig_text=second.read_text())

    begun.apply(labelled, manager="argosy-under-way")  # only the platform may write that label
    assert base_release.whoami(connect(Cluster.objects.get()).kube) == "argosy-second"
    reconcile(ready.pk)
    turns_until(TenantNamespace.objects.get(pk=ready.pk), "Ready")


def test_a_credential_that_is_not_enough_replaces_nothing(
    ready: TenantNamespace, local_cluster: RunningCluster, cluster_home: Home
) -> None:
    before = Cluster.objects.get().sealed_kubeconfig
    some = [right for right in needed() if right.resource != "rolebindings"]
    weak = account_with_the_role(local_cluster, cluster_home, "argosy-weak", some)

    with pytest.raises(NotFit, match="rolebindings"):
        clusters.register(name=ready.cluster.name, kubeconfig_text=weak.read_text())

    assert Cluster.objects.get().sealed_kubeconfig == before
    reconcile(ready.pk)
    turns_until(ready, "Ready")


def test_a_kubeconfig_of_another_authority_replaces_nothing(
    ready: TenantNamespace, platform_kubeconfig: Path, bare_cluster: RunningCluster
) -> None:
    before = Cluster.objects.get().sealed_kubeconfig
    config = yaml.safe_load(platform_kubeconfig.read_text())
    theirs = yaml.safe_load(bare_cluster.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["certificate-authority-data"] = theirs["clusters"][0][
        "cluster"
    ]["certificate-authority-data"]

    with pytest.raises(Untrusted, match="cannot be believed"):
        clusters.register(name=ready.cluster.name, kubeconfig_text=yaml.safe_dump(config))

    assert Cluster.objects.get().sealed_kubeconfig == before


def test_a_cluster_is_removed_when_its_last_namespace_is_gone_and_comes_back_by_its_name(
    want: Wanting, platform_kubeconfig: Path
) -> None:
    namespace = turns_until(want(), "Ready")
    cluster = namespace.cluster
    with pytest.raises(clusters.StillUsed, match=namespace.name):
        clusters.remove(cluster)
    unwanted(namespace)
    turns_until(namespace, "Terminated")

    clusters.remove(cluster)

    assert not Cluster.objects.exists()
    assert Cluster.with_removed.get().sealed_kubeconfig == ""
    again = clusters.register(
        name=cluster.name, kubeconfig_text=platform_kubeconfig.read_text(), simulated=True
    )
    assert again.pk == cluster.pk
    assert namespace in again.namespaces.all()
