"""Registering, editing and removing clusters: what is kept, what is refused, and who comes second."""

from typing import Any

import pytest
from django.utils import timezone

from controlplane.clusters import connections, recording, services
from controlplane.clusters.labels import BadLabels
from controlplane.clusters.models import Cluster, Scheduling
from controlplane.clusters.preflight import Level, NotFit, Verdict
from controlplane.clusters.probe import Look
from controlplane.errors import NotNow
from controlplane.kube.door import Connection
from controlplane.objects import Ref
from controlplane.policies import agents
from controlplane.policies.models import AgentToken
from controlplane.sealing import CannotOpen
from provisioning import tasks
from provisioning.reconcile import reconcile
from tenants import services as wishes
from tests.controlplane.api.test_clusters import KUBE_SYSTEM, kubeconfig
from tests.factories import ClusterFactory, NamespaceFactory, TeamFactory, tier
from tests.fakes import FakeCluster, FakeHelm

pytestmark = pytest.mark.django_db

REFUSED = (Verdict(Level.REFUSE, "quotas", "Quotas do not hold."),)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster behind whatever kubeconfig is entered."""
    fake = FakeCluster()
    fake.apply(KUBE_SYSTEM)
    opened = Connection(kube=fake, helm=FakeHelm(fake, lambda _: ()))
    monkeypatch.setattr(services, "connect", lambda _: opened)
    monkeypatch.setattr(services.base_release, "install", lambda *_, **__: ())
    monkeypatch.setattr(services, "judge", lambda _: ())
    return fake


def register(**said: Any) -> Cluster:
    return services.register(**{"name": "east", "kubeconfig_text": kubeconfig(), **said})


def test_labels_stay_when_only_the_credential_is_replaced(door: FakeCluster) -> None:
    register(labels={"region": "eu", "zone": "b"})

    register(kubeconfig_text=kubeconfig({"token": "another"}))
    assert Cluster.objects.get().labels == {"region": "eu", "zone": "b"}

    register(labels={"region": "us"})
    assert Cluster.objects.get().labels == {"region": "us"}


def test_a_label_that_cannot_be_keeps_the_cluster_out(door: FakeCluster) -> None:
    with pytest.raises(BadLabels):
        register(labels={"Region": "eu"})

    assert not Cluster.objects.exists()


def test_what_the_preflight_refuses_is_not_registered_and_replaces_nothing(
    door: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = register()
    monkeypatch.setattr(services, "judge", lambda _: REFUSED)

    with pytest.raises(NotFit, match="Quotas do not hold"):
        register(kubeconfig_text=kubeconfig({"token": "another"}))

    assert Cluster.objects.get().sealed_kubeconfig == before.sealed_kubeconfig


def test_a_base_that_cannot_be_brought_by_the_new_credential_leaves_the_old_one(
    door: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = register()

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(services.base_release, "install", fails)

    with pytest.raises(RuntimeError):
        register(kubeconfig_text=kubeconfig({"token": "another"}))

    assert Cluster.objects.get().sealed_kubeconfig == before.sealed_kubeconfig


def test_what_others_wrote_while_it_was_registered_again_stays(
    door: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    register()

    def meanwhile(*_: object, **__: object) -> None:
        Cluster.objects.update(scheduling=Scheduling.CORDONED)

    monkeypatch.setattr(services.base_release, "install", meanwhile)

    register(kubeconfig_text=kubeconfig({"token": "another"}))

    assert Cluster.objects.get().scheduling == Scheduling.CORDONED


def test_editing_labels_moves_no_namespace_and_asks_no_cluster() -> None:
    namespace = NamespaceFactory()
    cluster = Cluster.objects.get(pk=namespace.cluster_id)
    cluster.labels = {"region": "eu"}

    services.edit(cluster)

    namespace.refresh_from_db()
    assert namespace.generation == 1
    assert Cluster.objects.get().labels == {"region": "eu"}


def test_a_cluster_with_namespaces_is_not_removed_and_says_whose_they_are() -> None:
    namespace = NamespaceFactory(name="payments", team__slug="atlas")

    with pytest.raises(services.StillUsed, match=r"payments \(atlas\)") as refusal:
        services.remove(namespace.cluster)

    assert "--rebuilt" in refusal.value.sentence
    assert Cluster.objects.filter(pk=namespace.cluster_id).exists()


def test_one_whose_deletion_is_under_way_still_counts() -> None:
    namespace = NamespaceFactory(deletion_requested_at=timezone.now())

    with pytest.raises(services.StillUsed):
        services.remove(namespace.cluster)


def test_a_removed_cluster_is_nowhere_but_in_the_past_of_its_namespaces() -> None:
    namespace = NamespaceFactory(deleted_at=timezone.now())
    cluster = namespace.cluster
    agents.issue(cluster)

    services.remove(cluster)
    services.remove(cluster)

    namespace.refresh_from_db()
    assert namespace.cluster.name == cluster.name
    assert not Cluster.objects.exists()
    assert not AgentToken.objects.exists()
    kept = Cluster.with_removed.get()
    assert (kept.sealed_kubeconfig, kept.uid) == ("", "")


def test_nobody_opens_a_removed_cluster() -> None:
    cluster = ClusterFactory()
    services.remove(cluster)

    with pytest.raises(CannotOpen, match="was removed"):
        connections.connect(Cluster.with_removed.get())


def test_no_namespace_comes_to_a_cluster_that_was_removed_meanwhile() -> None:
    cluster, team = ClusterFactory(), TeamFactory()
    services.remove(cluster)

    with pytest.raises(NotNow, match="was removed"):
        wishes.want_namespace(
            team=team, cluster=cluster, tier=tier(), name="payments", plan_hash="x"
        )


def test_a_probe_that_was_queued_for_a_removed_cluster_asks_nobody() -> None:
    cluster = ClusterFactory()
    services.remove(cluster)

    tasks.probe_cluster(cluster.pk)

    assert Cluster.with_removed.get().reachable is None


def test_a_turn_that_was_under_way_when_its_cluster_went_keeps_its_row_and_deletes_nothing(
    door: FakeCluster,
) -> None:
    cluster = register()
    namespace = NamespaceFactory(cluster=cluster, deleted_at=timezone.now())
    under_way = namespace.cluster
    before = dict(door.objects)

    services.remove(cluster)

    assert reconcile(namespace.pk) is None
    recording.record(under_way, Look(timezone.now(), seconds=0.01), now=timezone.now())
    assert Cluster.with_removed.get().reachable is None
    assert door.objects == before


def test_a_removed_name_may_mean_another_kubernetes_with_another_authority(
    door: FakeCluster,
) -> None:
    first = register(labels={"region": "eu"})
    Cluster.objects.update(scheduling=Scheduling.DRAINING)
    services.remove(first)
    door.delete(Ref("v1", "Namespace", "", "kube-system"))
    door.apply(KUBE_SYSTEM)

    again = register(kubeconfig_text=kubeconfig(server="https://10.9.9.9:6443"))

    assert again.pk == first.pk
    assert again.uid != first.uid
    assert Cluster.objects.get().server == "https://10.9.9.9:6443"
    assert Cluster.objects.get().scheduling == Scheduling.OPEN


def test_a_removed_kubernetes_may_have_another_name(door: FakeCluster) -> None:
    services.remove(register())

    assert register(name="west").name == "west"
