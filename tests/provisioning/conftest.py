"""A registered real cluster, and namespaces on it that turns are taken for."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from controlplane.clusters import services as clusters
from controlplane.clusters.models import Cluster
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref
from localcluster.clusters import RunningCluster
from provisioning.reconcile import reconcile
from provisioning.render import render
from tenants import services
from tenants.models import Team, TenantNamespace
from tests.factories import tier

DEADLINE = 30.0
LOOK_EVERY = 0.05

Wanting = Callable[..., TenantNamespace]


@pytest.fixture
def kube(local_cluster: RunningCluster) -> KubeGateway:
    """The cluster as its admin sees it."""
    return KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))


@pytest.fixture
def cluster(db: None, platform_kubeconfig: Path) -> Cluster:
    """The real cluster, registered with the least that is enough."""
    return clusters.register(
        name="tests", kubeconfig_text=platform_kubeconfig.read_text(), simulated=True
    )


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="payments", name="Payments", owner_group="payments-owners")


@pytest.fixture
def want(cluster: Cluster, team: Team, kube: KubeGateway) -> Iterator[Wanting]:
    """Wish for a namespace; whatever came of it is taken away at the end."""
    made: list[str] = []

    def wish(name: str = "", plan_hash: str = "") -> TenantNamespace:
        """Approved as it would be made now, unless another plan is said."""
        name = name or f"t-{uuid.uuid4().hex[:8]}"
        made.append(name)
        namespace = services.want_namespace(
            team=team,
            cluster=cluster,
            tier=tier(),
            name=name,
            plan_hash=plan_hash,
        )
        if not plan_hash:
            namespace.approved_plan = render(namespace.spec()).fingerprint
            namespace.save(update_fields=["approved_plan"])
        return namespace

    yield wish
    for name in made:
        for each in (name, f"{name}-argo"):
            kube.delete(Ref("v1", "Namespace", "", each))


@pytest.fixture
def ready(want: Wanting) -> TenantNamespace:
    """A namespace that was brought up."""
    return turns_until(want(), "Ready")


def turns_until(namespace: TenantNamespace, phase: str) -> TenantNamespace:
    """Take turns until the row has this phase; fail with its reason at the deadline."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        reconcile(namespace.pk)
        namespace.refresh_from_db()
        if namespace.phase == phase:
            return namespace
        time.sleep(LOOK_EVERY)
    pytest.fail(f"{namespace} is {namespace.phase}, not {phase}: {namespace.ready}")
