"""The platform and its agent in a local cluster: with their own roles, which their administrator gave."""

from pathlib import Path

import pytest
import yaml

from controlplane.clusters import base_release, rights, services
from controlplane.clusters.preflight import Level
from controlplane.kube.errors import Forbidden, Unreachable
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref
from controlplane.processes import agents, local_accounts
from localcluster.clusters import RunningCluster

pytestmark = [pytest.mark.cluster, pytest.mark.django_db]


def opened(kubeconfig: str) -> KubeGateway:
    return KubeGateway.from_kubeconfig(yaml.safe_load(kubeconfig))


@pytest.fixture
def admin(local_cluster: RunningCluster) -> KubeGateway:
    return opened(local_cluster.kubeconfig.read_text(encoding="utf-8"))


@pytest.fixture
def platform(local_cluster: RunningCluster) -> KubeGateway:
    """As the demo registers its clusters."""
    role = rights.role(rights.needed())
    return opened(local_accounts.of_the_platform(local_cluster.kubeconfig, role))


@pytest.fixture
def agent(local_cluster: RunningCluster, admin: KubeGateway) -> KubeGateway:
    [system, *_] = [m for m in base_release.manifests_for("") if m["kind"] == "Namespace"]
    admin.apply(system)
    return opened(agents.kubeconfig_of(local_cluster.kubeconfig, "east"))


def test_the_platform_has_the_role_that_it_prints_and_no_more(platform: KubeGateway) -> None:
    verdicts = {v.about: v for v in services.judge(platform)}

    assert base_release.whoami(platform) == "argosy-platform"
    assert verdicts["rights"].level is Level.OK
    with pytest.raises(Forbidden):
        platform.delete(Ref("v1", "Node", "", "local-0"))
    with pytest.raises(Forbidden, match="not currently held"):
        platform.apply(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "mine", "namespace": "kube-system"},
                "roleRef": {
                    "apiGroup": rights.RBAC,
                    "kind": "ClusterRole",
                    "name": "cluster-admin",
                },
                "subjects": [{"kind": "User", "name": "argosy-platform", "apiGroup": rights.RBAC}],
            }
        )


def test_to_make_it_twice_is_to_make_it_once(local_cluster: RunningCluster) -> None:
    role = rights.role(rights.needed())

    first, second = (
        local_accounts.of_the_platform(local_cluster.kubeconfig, role) for _ in range(2)
    )

    assert first == second
    users = [
        yaml.safe_load(text)["users"][0] for text in (first, local_cluster.kubeconfig.read_text())
    ]
    assert users[0]["user"]["client-key-data"] != users[1]["user"]["client-key-data"]


def test_the_agent_sees_what_its_chart_lets_it_see_and_writes_nothing(agent: KubeGateway) -> None:
    assert isinstance(agent.list("v1", "Pod", "default"), tuple)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"containers": [{"name": "main", "image": "harbor.acme.test/api:1"}]},
    }
    for forbidden in (
        lambda: agent.list("v1", "Secret", "default"),
        lambda: agent.list("v1", "ConfigMap", "default"),
        lambda: agent.delete(Ref("v1", "Pod", "default", "p")),
        lambda: agent.apply({**pod, "kind": "ConfigMap", "spec": None}),
    ):
        with pytest.raises(Forbidden):
            forbidden()


def test_an_account_without_a_token_is_told_with_who_makes_it(
    local_cluster: RunningCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local_accounts, "SECONDS", 0.0)

    with pytest.raises(Unreachable, match="controller-manager makes it"):
        local_accounts.made(local_cluster.kubeconfig, [], Ref("v1", "Secret", "default", "none"))
