"""People with levels in a namespace, on a cluster in memory or a real one."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from controlplane.access import following, services
from controlplane.clusters import connections
from controlplane.clusters.models import Cluster
from controlplane.kube.door import Connection
from controlplane.objects import Manifest
from tenants.models import Team, TenantNamespace
from tests.factories import ClusterFactory, NamespaceFactory, TeamFactory
from tests.fakes import FakeCluster, FakeHelm

ENDPOINT = {"server": "https://eu.example.com:6443", "certificate-authority-data": "Q0E="}


def space(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@pytest.fixture
def eu(db: None) -> Cluster:
    return ClusterFactory(name="eu")


@pytest.fixture
def payments(eu: Cluster) -> TenantNamespace:
    """A namespace that is there, of a team with a group for each level."""
    return NamespaceFactory(
        name="payments",
        team=TeamFactory(slug="payments"),
        cluster=eu,
        applied_at=timezone.now(),
    )


@pytest.fixture
def team(payments: TenantNamespace) -> Team:
    return payments.team


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """What every cluster's door leads to."""
    cluster = FakeCluster()
    for name in ("argosy-people", "payments", "ledger"):
        cluster.create(space(name))
    connection = Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))
    for module in (following, services):
        monkeypatch.setattr(module, "connect", lambda _: connection)
    monkeypatch.setattr(services, "endpoint_of", lambda _: dict(ENDPOINT))
    assert connections.endpoint_of is not services.endpoint_of
    return cluster


@pytest.fixture
def bound(fake: FakeCluster) -> Callable[[], set[str]]:
    """The bindings of people that are there: `payments/argosy-viewer`."""

    def there() -> set[str]:
        found = fake.list("rbac.authorization.k8s.io/v1", "RoleBinding")
        return {f"{m['metadata']['namespace']}/{m['roleRef']['name']}" for m in found}

    return there
