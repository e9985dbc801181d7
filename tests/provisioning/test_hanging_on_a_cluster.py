"""A real API server whose process is stopped: it is given up in time, its rows wait, the others go on."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.utils import timezone

from controlplane.clusters import kubeconfig, services
from controlplane.clusters.credentials import sealed
from controlplane.clusters.models import Cluster
from localcluster.clusters import RunningCluster
from localcluster.home import Home
from localcluster.processes import Daemon
from provisioning import tasks
from provisioning.observe import FIRST_SECONDS
from provisioning.reconcile import taken
from tenants.models import TenantNamespace
from tests.factories import ClusterFactory, NamespaceFactory

pytestmark = [pytest.mark.cluster, pytest.mark.django_db]


@pytest.fixture
def cluster(platform_kubeconfig: Path) -> Cluster:
    """The real one, as a row."""
    config = kubeconfig.checked(platform_kubeconfig.read_text(encoding="utf-8"))
    row: Cluster = ClusterFactory(
        name="local",
        sealed_kubeconfig=sealed(config, "local"),
        server=kubeconfig.server_of(config),
    )
    tasks.probe_cluster(row.pk)
    row.refresh_from_db()
    assert row.reachable, row.message
    return row


@contextmanager
def stopped(home: Home, name: str) -> Iterator[None]:
    identity = Daemon(home.cluster(name), "kube-apiserver").running()
    assert identity is not None
    os.kill(identity.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(identity.pid, signal.SIGCONT)


def test_a_real_cluster_tells_how_it_is(cluster: Cluster) -> None:
    conditions = {c["type"]: c["good"] for c in cluster.conditions}

    assert {kind for kind, good in conditions.items() if good is False} <= {"InTime"}
    assert cluster.kubernetes_version.startswith("v1.")
    assert cluster.credential_ends_at is not None
    assert cluster.credential_ends_at > timezone.now()
    assert cluster.clock_skew == pytest.approx(0, abs=2)
    assert cluster.latency is not None


def test_one_that_hangs_is_given_up_in_time_and_found_again(
    cluster: Cluster, local_cluster: RunningCluster, cluster_home: Home
) -> None:
    waiting = NamespaceFactory(cluster=cluster)
    with stopped(cluster_home, local_cluster.name):
        began = time.monotonic()
        tasks.probe_cluster(cluster.pk)
        tasks.probe_cluster(cluster.pk)
        asked_for = time.monotonic() - began
        row = Cluster.objects.get()
        waiting.refresh_from_db()

        assert row.reachable is False
        assert asked_for < 20
        assert waiting.ready is not None
        assert waiting.ready.reason == "ClusterUnreachable"
        assert not TenantNamespace.objects.due(timezone.now()).exists()

    deadline = time.monotonic() + 30
    while not Cluster.objects.get().reachable:
        assert time.monotonic() < deadline, Cluster.objects.get().message
        tasks.probe_cluster(cluster.pk)
    assert TenantNamespace.objects.due(timezone.now()).exists()


def test_a_turn_that_finds_it_hanging_ends_in_time_and_has_it_asked_at_once(
    cluster: Cluster, local_cluster: RunningCluster, cluster_home: Home
) -> None:
    namespace = NamespaceFactory(
        cluster=cluster, applied_at=timezone.now(), deletion_requested_at=timezone.now()
    )
    with stopped(cluster_home, local_cluster.name):
        began = time.monotonic()
        ended = taken(namespace.pk)

        assert ended.silent
        assert time.monotonic() - began < 3 * FIRST_SECONDS
        assert Cluster.objects.to_ask(timezone.now()).filter(pk=cluster.pk).exists()
        assert tasks.slots.held(cluster.pk) == 0


def test_the_connection_is_good_for_whoever_comes_after(cluster: Cluster) -> None:
    assert services.endpoints_of(services.connect(cluster), cluster.server)
