"""A cluster that answers again: what waited for it goes on, whatever else of it still fails."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from controlplane.clusters import credentials, probe, recording
from controlplane.clusters.models import Cluster
from controlplane.clusters.signals import cluster_answers
from controlplane.kube.door import Connection, Knock
from controlplane.kube.errors import Refused, Unreachable, refused
from provisioning import tasks
from provisioning.models import Turn
from tenants.models import TenantNamespace
from tests.factories import ClusterFactory, NamespaceFactory
from tests.fakes import FakeCluster, FakeHelm

pytestmark = pytest.mark.django_db

LATER = timedelta(hours=1)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster that every probe asks."""
    cluster = FakeCluster()
    connection = Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))
    monkeypatch.setattr(probe, "connect", lambda _: connection)
    monkeypatch.setattr(credentials, "ends_at", lambda _: None)
    return cluster


@pytest.fixture
def waiting() -> TenantNamespace:
    """A namespace whose next turn is far away, on a cluster that did not answer."""
    cluster = ClusterFactory(reachable=False)
    return NamespaceFactory(cluster=cluster, next_reconcile_at=timezone.now() + LATER)


def is_due(namespace: TenantNamespace) -> bool:
    namespace.refresh_from_db()
    return namespace.next_reconcile_at <= timezone.now()


@pytest.mark.parametrize(
    "error", [refused(503, {"message": "starting"}), Unreachable("gone again")]
)
def test_rows_are_due_though_the_endpoints_cannot_be_read_yet(
    fake: FakeCluster, waiting: TenantNamespace, error: Refused | Unreachable
) -> None:
    fake.refusals["list", "EndpointSlice"] = error

    with pytest.raises(type(error)):
        tasks.probe_cluster(waiting.cluster_id)

    waiting.cluster.refresh_from_db()
    assert waiting.cluster.reachable
    assert is_due(waiting)


def test_rows_of_a_cluster_that_was_there_all_along_keep_their_schedule(
    fake: FakeCluster, waiting: TenantNamespace
) -> None:
    tasks.probe_cluster(waiting.cluster_id)
    TenantNamespace.objects.update(next_reconcile_at=timezone.now() + LATER)

    tasks.probe_cluster(waiting.cluster_id)

    assert not is_due(waiting)


def test_rows_are_due_when_the_api_server_moved(
    fake: FakeCluster, waiting: TenantNamespace
) -> None:
    tasks.probe_cluster(waiting.cluster_id)
    TenantNamespace.objects.update(next_reconcile_at=timezone.now() + LATER)
    waiting.cluster.refresh_from_db()
    waiting.cluster.api_endpoints = [{"ip": "10.9.9.9", "port": 1}]
    waiting.cluster.save()

    tasks.probe_cluster(waiting.cluster_id)

    assert is_due(waiting)


def test_a_cluster_that_takes_our_rights_away_says_so_and_is_not_away(
    fake: FakeCluster, waiting: TenantNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.probe_cluster(waiting.cluster_id)
    words = 'endpointslices is forbidden: User "platform" cannot list resource "endpointslices"'
    fake.refusals["list", "EndpointSlice"] = refused(403, {"message": words})
    caplog.clear()

    for _ in range(3):
        tasks.probe_cluster(waiting.cluster_id)

    cluster = Cluster.objects.get()
    said = (cluster.reachable, cluster.trouble, cluster.message)
    assert said == (False, "rights", f"{words}.")  # the way out follows it
    assert "argosy cluster add" in cluster.way_out
    waiting.refresh_from_db()
    assert waiting.ready is not None
    assert (waiting.ready.reason, words in waiting.ready.message) == ("Forbidden", True)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, told  # once, not at every look
    assert cluster.name in told[0]


def test_rows_are_due_once_the_right_is_given_back(
    fake: FakeCluster, waiting: TenantNamespace
) -> None:
    fake.refusals["list", "EndpointSlice"] = refused(403, {"message": "forbidden"})
    tasks.probe_cluster(waiting.cluster_id)
    assert not is_due(waiting)

    del fake.refusals["list", "EndpointSlice"]
    tasks.probe_cluster(waiting.cluster_id)

    assert is_due(waiting)
    assert Cluster.objects.get().trouble == ""


def test_a_credential_that_has_ended_is_its_own_kind_of_trouble(
    fake: FakeCluster, waiting: TenantNamespace
) -> None:
    fake.refusals["list", "EndpointSlice"] = refused(401, {"message": "Unauthorized"})

    tasks.probe_cluster(waiting.cluster_id)

    assert Cluster.objects.get().trouble == "credential"


def test_a_credential_that_cannot_be_opened_needs_another_one(waiting: TenantNamespace) -> None:
    tasks.probe_cluster(waiting.cluster_id)  # "sealed" is no credential

    assert Cluster.objects.get().trouble == "credential"


def test_rows_are_due_at_once_when_the_credential_was_replaced(waiting: TenantNamespace) -> None:
    cluster_answers.send(sender=Cluster, cluster=waiting.cluster)

    assert is_due(waiting)


def test_an_outage_is_in_the_turns_of_what_waits_for_it_once(
    fake: FakeCluster, waiting: TenantNamespace
) -> None:
    tasks.probe_cluster(waiting.cluster_id)
    fake.unreachable = True

    for _ in range(3):
        tasks.probe_cluster(waiting.cluster_id)

    assert [turn.outcome for turn in Turn.objects.filter(namespace=waiting)] == [
        "ClusterUnreachable"
    ]


def test_an_outage_is_one_line_of_the_log_with_its_way_out_as_a_sentence(
    fake: FakeCluster, waiting: TenantNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.probe_cluster(waiting.cluster_id)
    fake.unreachable = True

    for _ in range(3):
        tasks.probe_cluster(waiting.cluster_id)

    (line,) = (each.getMessage() for each in caplog.records if each.levelname == "WARNING")
    assert "does not serve us: " in line
    assert ". Start it again" in line


def test_a_locked_database_is_one_warning_and_no_traceback(
    waiting: TenantNamespace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(*_: object, **__: object) -> bool:
        raise OperationalError("database is locked")

    monkeypatch.setattr(recording, "record", locked)

    tasks.probe_cluster(waiting.cluster_id)

    (line,) = caplog.records
    assert (line.levelname, line.exc_info) == ("WARNING", None)
    assert "database is locked" in line.getMessage()


def test_another_kubernetes_at_its_address_is_given_no_work(
    fake: FakeCluster, waiting: TenantNamespace
) -> None:
    fake.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
    Cluster.objects.update(uid="the-one-that-was-registered", reachable=True)

    tasks.probe_cluster(waiting.cluster_id)

    cluster = Cluster.objects.get()
    assert (cluster.reachable, cluster.trouble) == (False, "another")
    assert "--rebuilt" in cluster.way_out
    assert not TenantNamespace.objects.due(timezone.now()).exists()


def test_what_is_learned_by_asking_is_kept_with_the_cluster(
    fake: FakeCluster, waiting: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_at = timezone.now() + timedelta(days=3)
    monkeypatch.setattr(credentials, "ends_at", lambda _: ends_at)
    fake.knocked = Knock(2.5, timezone.now() + timedelta(minutes=5))

    tasks.probe_cluster(waiting.cluster_id)

    cluster = Cluster.objects.get()
    assert (cluster.latency, cluster.credential_ends_at) == (2.5, ends_at)
    assert cluster.clock_skew == pytest.approx(300, abs=5)
    assert {c["type"] for c in cluster.conditions if c["good"] is False} == {
        "InTime", "CredentialLasts", "ClockInStep", "VersionServed",
    }  # fmt: skip
