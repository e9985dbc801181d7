"""A team with a namespace on a cluster in memory, at noon."""

import pytest
from django.utils import timezone

from controlplane.argo import access
from controlplane.kube.door import Connection
from controlplane.objects import Manifest
from tenants.models import TenantNamespace
from tests.controlplane.console.workflows.stories import NOW, made
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
)
from tests.fakes import FakeCluster, FakeHelm


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon for as long as a test takes, however busy the machine: `5 min ago` stays true."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster that every namespace is on."""
    cluster = FakeCluster()
    connection = Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))
    monkeypatch.setattr(access, "connect", lambda _: connection)
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}})
    return cluster


@pytest.fixture
def payments(fake: FakeCluster) -> TenantNamespace:
    team = TeamFactory(slug="payments", name="Payments")
    cluster = ClusterFactory(name="east")
    return NamespaceFactory(
        name="payments",
        team=team,
        cluster=cluster,
        begun_at=timezone.now(),
        applied_at=timezone.now(),
        phase="Ready",
    )


@pytest.fixture
def hello(fake: FakeCluster, payments: TenantNamespace) -> Manifest:
    return made(fake, "Workflow", "hello", {"entrypoint": "main"})


@pytest.fixture
def crowd(payments: TenantNamespace) -> list[TenantNamespace]:
    """More namespaces of the team than are listed, each name on one of two clusters."""
    west = ClusterFactory(name="west")
    return [
        NamespaceFactory(
            name=f"batch-{number:03}",
            team=payments.team,
            cluster=west if number % 2 else payments.cluster,
            applied_at=NOW,
        )
        for number in range(60)
    ]
