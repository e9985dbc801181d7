"""The preflight on a real API server: what is there is seen, and nothing of it stays."""

from collections.abc import Iterator

import pytest
import yaml

from controlplane.clusters import services
from controlplane.clusters.preflight import Level, Verdict
from controlplane.clusters.rights import Right, needed
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest, Ref
from localcluster.clusters import RunningCluster
from localcluster.home import Home
from tests.charts.api import connected
from tests.cluster_fixtures import account_with_the_role

pytestmark = pytest.mark.cluster

WIDE = Ref("apps/v1", "Deployment", "default", "argo-of-old")


@pytest.fixture
def kube(local_cluster: RunningCluster) -> KubeGateway:
    """The cluster as its admin sees it."""
    return KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))


@pytest.fixture
def controller(kube: KubeGateway) -> Iterator[Manifest]:
    """An Argo of somebody's own, on the whole cluster."""
    container = {
        "name": "controller",
        "image": "quay.io/argoproj/workflow-controller:v3.5.0",
        "command": ["workflow-controller"],
        "args": ["--configmap", "workflow-controller-configmap"],
    }
    labels = {"app": "argo-of-old"}
    manifest = {
        "apiVersion": WIDE.api_version,
        "kind": WIDE.kind,
        "metadata": {"name": WIDE.name, "namespace": WIDE.namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    kube.apply(manifest)
    yield manifest
    kube.delete(WIDE)


def by_subject(verdicts: tuple[Verdict, ...]) -> dict[str, Verdict]:
    return {verdict.about: verdict for verdict in verdicts}


def test_a_cluster_is_fit_by_the_role_that_is_printed_and_nothing_stays_of_the_look(
    platform_kube: KubeGateway, kube: KubeGateway
) -> None:
    verdicts = services.judge(platform_kube)

    assert {v.about: (v.level, v.sentence) for v in verdicts if v.level is not Level.OK} == {}
    left = [n["metadata"] for n in kube.list("v1", "Namespace")]
    assert [
        m["name"]
        for m in left
        if m["name"].startswith("argosy-preflight") and "deletionTimestamp" not in m
    ] == []


def test_who_may_do_everything_is_told_that_less_is_enough(kube: KubeGateway) -> None:
    verdict = by_subject(services.judge(kube))["rights"]

    assert verdict.level is Level.WARN
    assert "argosy cluster role" in verdict.sentence


def test_what_an_account_lacks_is_printed_as_the_role_to_apply(
    local_cluster: RunningCluster, cluster_home: Home
) -> None:
    lacking = Right("", "secrets", "list")
    some = [right for right in needed() if right != lacking]
    path = account_with_the_role(local_cluster, cluster_home, "argosy-lacking", some)
    theirs = KubeGateway.from_kubeconfig(yaml.safe_load(path.read_text()))

    verdict = by_subject(services.judge(theirs))["rights"]

    assert (verdict.level, "list secrets" in verdict.sentence) == (Level.REFUSE, True)
    missing = yaml.safe_load(verdict.apply)
    assert missing["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]
    with connected(local_cluster.kubeconfig) as admin:
        binding = admin.get(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/argosy-lacking"
        ).must()
        admin.apply(missing).must()
        admin.apply(
            {
                "apiVersion": binding["apiVersion"],
                "kind": binding["kind"],
                "metadata": {"name": "argosy-missing"},
                "roleRef": {**binding["roleRef"], "name": "argosy-missing"},
                "subjects": binding["subjects"],
            }
        ).must()
        try:
            assert by_subject(services.judge(theirs))["rights"].level is Level.OK
        finally:
            admin.delete("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/argosy-missing")


def test_a_controller_of_the_whole_cluster_is_refused_by_its_name(
    platform_kube: KubeGateway, controller: Manifest
) -> None:
    verdict = by_subject(services.judge(platform_kube))["Argo controllers"]

    assert verdict.level is Level.REFUSE
    assert "argo-of-old in default" in verdict.sentence


def test_one_that_keeps_to_its_namespace_may_stay(
    platform_kube: KubeGateway, kube: KubeGateway, controller: Manifest
) -> None:
    controller["spec"]["template"]["spec"]["containers"][0]["args"].append("--namespaced")
    kube.apply(controller)

    assert by_subject(services.judge(platform_kube))["Argo controllers"].level is Level.OK
