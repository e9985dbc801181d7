"""What tests of the charts share: the real helm, a real API server with the base, a team's namespaces."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane.clusters.base_release import manifests_for
from localcluster import build
from localcluster.clusters import RunningCluster
from tests.charts.api import Api, connected
from tests.charts.helm_chart import CHARTS, Helm, Manifest

OUTSIDER = "somebody-else"  # may do all that RBAC can give, and is not the platform
DEADLINE = 20.0

POD_SECURITY = {
    f"pod-security.kubernetes.io/{mode}{suffix}": value
    for mode in ("enforce", "audit", "warn")
    for suffix, value in (("", "restricted"), ("-version", "latest"))
}

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Tenant:
    """A team's two namespaces on the real cluster, guard rails in place."""

    name: str

    @property
    def control(self) -> str:
        return f"{self.name}-argo"

    def account(self, name: str) -> str:
        """How the API server calls one of its accounts."""
        namespace = self.control if name == "workflow-controller" else self.name
        return f"system:serviceaccount:{namespace}:{name}"


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The helm that the local cluster brings."""
    return Helm(build.programs() / "helm")


@pytest.fixture(scope="session")
def cluster_helm(helm: Helm, charts_cluster: RunningCluster) -> Helm:
    return Helm(helm.program, charts_cluster.kubeconfig)


@pytest.fixture(scope="session")
def raw_api(charts_cluster: RunningCluster) -> Iterator[Api]:
    """The API server as it came, by its administrator."""
    with connected(charts_cluster.kubeconfig) as api:
        yield api


@pytest.fixture(scope="session")
def platform_username(raw_api: Api) -> str:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = raw_api.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    return str(answer.must()["status"]["userInfo"]["username"])


@pytest.fixture(scope="session")
def api(raw_api: Api, platform_username: str) -> Api:
    """The API server with the base in place and its policies seen to act, by the platform."""
    for manifest in manifests_for(platform_username):
        raw_api.apply(manifest).must()
    raw_api.apply(everything_for(OUTSIDER)).must()
    outsider = raw_api.acting_as(OUTSIDER)
    claimed = namespace("argosy-probe", role="workload")
    until(lambda: not outsider.create(claimed, dryRun="All").allowed)
    # Other tests came as another platform, which the API server may take for it a moment longer.
    until(lambda: raw_api.create(claimed, dryRun="All").allowed)
    claimed["metadata"]["labels"] = {"argosy.dev/team": "none"}
    until(lambda: not raw_api.create(claimed, dryRun="All").allowed)
    return raw_api


@pytest.fixture
def outsider(api: Api) -> Api:
    """Somebody with every right RBAC knows, who is not the platform."""
    return api.acting_as(OUTSIDER)


@pytest.fixture
def make_tenant(api: Api, helm: Helm) -> Iterator[Callable[[], Tenant]]:
    """Makes tenants as the platform does, and takes them away."""
    made: list[Tenant] = []

    def make() -> Tenant:
        tenant = Tenant(f"charts-{next(_numbers)}")
        made.append(tenant)
        for name, role in ((tenant.name, "workload"), (tenant.control, "control")):
            api.apply(namespace(name, role=role, tenant=tenant.name)).must()
        for manifest in helm.template("team-guardrails", guardrail_values(tenant)):
            api.apply(manifest).must()
        return tenant

    yield make
    for tenant in made:
        for name in (tenant.name, tenant.control):
            api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def tenant(make_tenant: Callable[[], Tenant]) -> Tenant:
    return make_tenant()


def guardrail_values(tenant: Tenant) -> dict[str, Any]:
    """A whole tier's guard rails, for this tenant."""
    values: dict[str, Any] = example("team-guardrails", "simulated")
    names = {"workloadNamespace": tenant.name, "controlNamespace": tenant.control}
    return {**values, "team": tenant.name, **names}


def example(chart: str, case: str) -> dict[str, Any]:
    """The values of one of a chart's `ci/` files."""
    path: Path = CHARTS / chart / "ci" / f"{case}-values.yaml"
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def namespace(name: str, *, role: str, tenant: str = "") -> Manifest:
    """A namespace as the platform labels it."""
    ours = {
        "argosy.dev/managed": "true",
        "argosy.dev/team": tenant or name,
        "argosy.dev/namespace": tenant or name,
        "argosy.dev/role": role,
    }
    metadata = {"name": name, "labels": {**ours, **POD_SECURITY}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def everything_for(user: str) -> Manifest:
    """A binding that gives a user all rights."""
    rbac = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"everything-for-{user}"},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": user}],
    }


def until(condition: Callable[[], bool]) -> None:
    """Ask until it holds; what the cluster does by itself has no other end to wait for."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"not so within {DEADLINE:.0f} s"
        time.sleep(0.05)
