"""Clusters at the desk: added as the service asks, their credential never shown, removed when unused."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from controlplane.clusters import services
from controlplane.clusters.models import Cluster
from controlplane.kube.door import Connection
from tests.controlplane.api.test_clusters import FIT, KUBE_SYSTEM, SECRET, UNFIT, kubeconfig
from tests.factories import ClusterFactory, NamespaceFactory
from tests.fakes import FakeCluster, FakeHelm

pytestmark = pytest.mark.django_db

ADD = "admin:clusters_cluster_add"


@pytest.fixture(autouse=True)
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A cluster behind whatever is entered, and what the preflight says of it."""
    fake = FakeCluster()
    fake.apply(KUBE_SYSTEM)
    opened = Connection(kube=fake, helm=FakeHelm(fake, lambda _: ()))
    said: list[object] = [FIT]
    monkeypatch.setattr(services, "connect", lambda _: opened)
    monkeypatch.setattr(services.base_release, "install", lambda *_, **__: ())
    monkeypatch.setattr(services, "judge", lambda _: tuple(said))
    return said


def form(**said: str) -> dict[str, str]:
    return {"name": "eu", "kubeconfig": kubeconfig(), "labels": "{}", "placement": "{}", **said}


def of(cluster: Cluster, page: str) -> str:
    return reverse(f"admin:clusters_cluster_{page}", args=[cluster.pk])


def test_a_cluster_is_added_at_the_desk_and_its_credential_is_on_no_page(admin: Client) -> None:
    assert admin.get(reverse(ADD)).status_code == 200

    answer = admin.post(reverse(ADD), form(labels='{"region": "eu"}'))

    assert answer.status_code == 302, answer.context["errors"]
    made = Cluster.objects.get()
    assert (made.name, made.labels) == ("eu", {"region": "eu"})
    assert SECRET not in admin.get(of(made, "change")).content.decode()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kubeconfig": kubeconfig({"exec": {"command": "sh"}})}, "would start a program"),
        ({"labels": '{"Region": "eu"}'}, "cannot be a label"),
        ({"placement": '{"image": "evil"}'}, "is not part of it"),
    ],
)
def test_what_is_refused_is_told_and_the_credential_is_not_given_back(
    admin: Client, wrong: dict[str, str], said: str
) -> None:
    answer = admin.post(reverse(ADD), form(**wrong))

    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert SECRET not in answer.content.decode()
    assert not Cluster.objects.exists()


def test_one_that_is_not_fit_is_not_added(admin: Client, verdicts: list[object]) -> None:
    verdicts.append(UNFIT)

    assert "list nodes" in admin.post(reverse(ADD), form()).content.decode()
    assert not Cluster.objects.exists()


def test_the_name_of_one_that_is_there_replaces_its_credential(admin: Client) -> None:
    admin.post(reverse(ADD), form(labels='{"region": "eu"}'))
    before = Cluster.objects.get()

    admin.post(reverse(ADD), form(kubeconfig=kubeconfig({"token": "another"})))

    after = Cluster.objects.get()
    assert after.sealed_kubeconfig != before.sealed_kubeconfig
    assert after.labels == {"region": "eu"}


def test_one_that_no_team_uses_is_removed(admin: Client) -> None:
    cluster = ClusterFactory()
    NamespaceFactory(cluster=cluster, deleted_at=timezone.now())
    assert admin.get(of(cluster, "delete")).status_code == 200

    assert admin.post(of(cluster, "delete"), {"post": "yes"}).status_code == 302

    assert not Cluster.objects.exists()
    assert Cluster.with_removed.get().sealed_kubeconfig == ""


def test_one_that_a_team_uses_says_so_and_is_not(admin: Client) -> None:
    cluster = NamespaceFactory().cluster

    assert (
        "Not while teams have namespaces there: 1."
        in admin.get(of(cluster, "change")).content.decode()
    )
    assert admin.post(of(cluster, "delete"), {"post": "yes"}).status_code == 403
    assert Cluster.objects.exists()


def test_a_reader_adds_and_removes_nothing(reader: Client) -> None:
    cluster = ClusterFactory()

    assert reader.post(reverse(ADD), form()).status_code == 403
    assert reader.post(of(cluster, "delete"), {"post": "yes"}).status_code == 403
