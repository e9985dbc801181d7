"""Clusters: known to all, added by admins, and their credentials in no answer."""

import base64
from typing import Any

import pytest
import yaml
from pytest_django import DjangoAssertNumQueries

from controlplane.clusters import rights, services
from controlplane.clusters.models import Cluster
from controlplane.clusters.preflight import Level, Verdict
from controlplane.kube.door import Connection
from controlplane.kube.errors import KubeError
from controlplane.objects import ref_of
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    approver,
    platform_admin,
)
from tests.fakes import FakeCluster, FakeHelm

pytestmark = pytest.mark.django_db

CLUSTERS = "/api/v1/clusters/"
CA = base64.b64encode(b"a certificate").decode()
SECRET = "a-secret-token"
FIT = Verdict(Level.OK, "Kubernetes", "It is Kubernetes v1.37.1.")
UNFIT = Verdict(Level.REFUSE, "rights", "This account lacks 1 right: list nodes.", apply="kind: x")
KUBE_SYSTEM = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}


def kubeconfig(user: dict[str, Any] | None = None, **cluster: Any) -> str:
    cluster = {"server": "https://10.1.2.3:6443", "certificate-authority-data": CA, **cluster}
    return yaml.safe_dump(
        {
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user or {"token": SECRET}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster behind whatever kubeconfig is entered, serving what it is given at once."""
    cluster = FakeCluster()
    cluster.apply(KUBE_SYSTEM)
    connection = Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))
    monkeypatch.setattr(services, "connect", lambda _: connection)
    monkeypatch.setattr(services.base_release, "install", lambda *_, **__: ())
    monkeypatch.setattr(services, "judge", lambda _: (FIT,))
    return cluster


def add(**said: Any) -> Any:
    wish = {"name": "east", "kubeconfig": kubeconfig(), **said}
    return client_of(platform_admin()).post(CLUSTERS, wish, format="json")


def test_a_cluster_is_added_and_its_credential_is_in_no_answer(door: FakeCluster) -> None:
    answer = add(simulated=True)

    client = client_of(platform_admin())
    said = [answer, client.get(CLUSTERS), client.get(f"{CLUSTERS}{answer.json()['id']}/")]
    assert answer.status_code == 201
    assert answer.json()["simulated"] is True
    for each in said:
        text = each.content.decode()
        assert SECRET not in text
        assert CA not in text
        assert "10.1.2.3" not in text
        assert "kubeconfig" not in text
    assert SECRET not in str(vars(Cluster.objects.get()))


def test_adding_it_again_replaces_its_credential(door: FakeCluster) -> None:
    before = add().json()
    sealed = Cluster.objects.get().sealed_kubeconfig

    after = add(kubeconfig=kubeconfig({"token": "another"})).json()

    assert after["id"] == before["id"]
    assert Cluster.objects.get().sealed_kubeconfig != sealed


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("just words", "kind: Config"),
        (kubeconfig({"exec": {"command": "sh"}}), "users[u].exec"),
        (kubeconfig({"tokenFile": "/etc/passwd"}), "users[u].tokenFile"),
        (kubeconfig({"auth-provider": {"name": "x"}}), "users[u].auth-provider"),
        (kubeconfig({"client-key": "/root/key"}), "users[u].client-key"),
        (kubeconfig(**{"certificate-authority": "/ca"}), "clusters[c].certificate-authority"),
        (kubeconfig(**{"insecure-skip-tls-verify": True}), "insecure-skip-tls-verify"),
    ],
)
def test_a_kubeconfig_that_reads_or_runs_anything_is_refused_field_by_field(
    door: FakeCluster, text: str, named: str
) -> None:
    answer = add(kubeconfig=text)

    assert answer.status_code == 400
    assert named in answer.json()["error"]["sentence"]
    assert list(answer.json()["error"]["fields"]) == ["kubeconfig"]
    assert not Cluster.objects.exists()


def test_a_cluster_that_does_not_answer_is_not_added(door: FakeCluster) -> None:
    door.unreachable = True

    answer = add()

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "cluster_unreachable")
    assert not Cluster.objects.exists()


def test_a_cluster_that_refuses_the_base_is_not_added(
    door: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise KubeError("the policy cannot be read")

    monkeypatch.setattr(services.base_release, "install", refuse)

    assert add().status_code == 502
    assert not Cluster.objects.exists()


@pytest.mark.parametrize("placement", [{"image": {"repository": "evil"}}, "here", ["a"]])
def test_placement_says_where_pods_go_and_nothing_else(
    door: FakeCluster, placement: object
) -> None:
    assert add(placement=placement).status_code == 400
    assert not Cluster.objects.exists()


@pytest.mark.parametrize("name", ["East", "east_1", "-east", "", "e" * 64, "восток"])
def test_a_name_that_cannot_be_is_refused(door: FakeCluster, name: str) -> None:
    assert add(name=name).status_code == 400


def test_everybody_reads_clusters_but_only_the_platforms_people_why_one_is_down(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ClusterFactory(reachable=False, message="https://10.1.2.3 refused"), ClusterFactory()
    anybody = client_of(PersonFactory())

    with django_assert_num_queries(2):
        seen = anybody.get(CLUSTERS)

    assert [c["reachable"] for c in seen.json()["results"]] == [False, True]
    assert "10.1.2.3" not in seen.content.decode()
    assert "10.1.2.3" in client_of(approver()).get(CLUSTERS).content.decode()


def test_nobody_else_adds_clusters(door: FakeCluster) -> None:
    wish = {"name": "east", "kubeconfig": kubeconfig()}
    for person in (PersonFactory(), approver()):
        assert client_of(person).post(CLUSTERS, wish, format="json").status_code == 403


def test_a_name_stays_with_the_kubernetes_it_was_given_to(door: FakeCluster) -> None:
    add()
    before = Cluster.objects.get()
    another_kubernetes(door)

    answer = add(kubeconfig=kubeconfig(server="https://10.9.9.9:6443"))

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "another_cluster"
    assert "rebuilt" in answer.json()["error"]["sentence"]
    assert Cluster.objects.get().server == before.server


def test_a_cluster_that_was_rebuilt_keeps_its_name_when_that_is_said(door: FakeCluster) -> None:
    add()
    before = Cluster.objects.get().uid
    another_kubernetes(door)

    assert add(rebuilt=True).status_code == 201
    assert Cluster.objects.get().uid != before


def test_one_cluster_has_one_name(door: FakeCluster) -> None:
    add()

    answer = add(name="west")

    assert answer.status_code == 400
    assert "`east`" in answer.json()["error"]["sentence"]
    assert Cluster.objects.count() == 1


def another_kubernetes(door: FakeCluster) -> None:
    """The same door, with another cluster behind it."""
    door.delete(ref_of(KUBE_SYSTEM))
    door.apply(KUBE_SYSTEM)


def test_labels_are_given_read_by_everybody_and_changed_by_admins(door: FakeCluster) -> None:
    added = add(labels={"region": "eu", "zone": "b"}).json()
    where = f"{CLUSTERS}{added['id']}/"

    admins = client_of(platform_admin())
    changed = admins.patch(where, {"labels": {"region": "us"}}, format="json")

    assert added["labels"] == {"region": "eu", "zone": "b"}
    assert changed.json()["labels"] == {"region": "us"}
    assert client_of(PersonFactory()).get(where).json()["labels"] == {"region": "us"}
    for person in (PersonFactory(), approver()):
        assert client_of(person).patch(where, {"labels": {}}, format="json").status_code == 403


@pytest.mark.parametrize(
    "labels", [{"Region": "eu"}, {"region": ""}, ["region"], {"a": {"b": "c"}}]
)
def test_labels_that_nobody_could_ask_for_are_refused_by_their_field(
    door: FakeCluster, labels: object
) -> None:
    answer = add(labels=labels)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["labels"]
    assert not Cluster.objects.exists()


def test_a_credential_is_not_changed_by_an_edit(door: FakeCluster) -> None:
    added = add().json()
    sealed = Cluster.objects.get().sealed_kubeconfig

    client_of(platform_admin()).patch(
        f"{CLUSTERS}{added['id']}/", {"name": "west", "kubeconfig": "x", "uid": "y"}, format="json"
    )

    kept = Cluster.objects.get()
    assert (kept.name, kept.sealed_kubeconfig) == ("east", sealed)


def test_a_cluster_that_is_not_fit_is_not_added_and_says_all_of_it(
    door: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "judge", lambda _: (FIT, UNFIT))

    answer = add()

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "preflight_refused"
    assert "list nodes" in answer.json()["error"]["sentence"]
    assert "argosy cluster preflight" in answer.json()["error"]["sentence"]
    assert not Cluster.objects.exists()


def test_a_preflight_tells_every_verdict_and_keeps_nothing(
    door: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "judge", lambda _: (FIT, UNFIT))

    answer = client_of(platform_admin()).post(
        f"{CLUSTERS}preflight/", {"kubeconfig": kubeconfig()}, format="json"
    )

    assert answer.json()["fit"] is False
    assert [v["level"] for v in answer.json()["verdicts"]] == ["ok", "refuse"]
    assert answer.json()["verdicts"][1]["apply"] == "kind: x"
    assert SECRET not in answer.content.decode()
    assert not Cluster.objects.exists()


def test_a_preflights_kubeconfig_is_checked_before_anybody_is_asked(door: FakeCluster) -> None:
    plug_in = kubeconfig({"exec": {"command": "sh"}})

    answer = client_of(platform_admin()).post(
        f"{CLUSTERS}preflight/", {"kubeconfig": plug_in}, format="json"
    )

    assert answer.status_code == 400
    assert "users[u].exec" in answer.json()["error"]["sentence"]
    assert door.calls == ["apply Namespace kube-system"]


def test_a_registered_cluster_is_looked_at_by_its_own_credential(
    door: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = add().json()
    opened = Connection(kube=door, helm=FakeHelm(door, lambda _: ()))
    monkeypatch.setattr("controlplane.api.clusters.connect", lambda _: opened)

    answer = client_of(platform_admin()).post(f"{CLUSTERS}{added['id']}/preflight/")

    assert answer.json()["fit"] is True


def test_only_admins_look_into_clusters_or_read_the_role(door: FakeCluster) -> None:
    added = add().json()

    for person in (PersonFactory(), approver()):
        client = client_of(person)
        said = {"kubeconfig": kubeconfig()}
        assert client.post(f"{CLUSTERS}preflight/", said, format="json").status_code == 403
        assert client.post(f"{CLUSTERS}{added['id']}/preflight/").status_code == 403
        assert client.get(f"{CLUSTERS}role/").status_code == 403


def test_the_role_is_what_the_platform_needs_today() -> None:
    found = client_of(platform_admin()).get(f"{CLUSTERS}role/").json()

    assert found["kind"] == "ClusterRole"
    assert set(rights.rights_in(found["rules"])) == set(rights.needed())


def test_a_cluster_is_removed_by_an_admin_once_nobody_uses_it() -> None:
    used, free = NamespaceFactory().cluster, ClusterFactory()
    admins = client_of(platform_admin())

    refused = admins.delete(f"{CLUSTERS}{used.pk}/")

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "still_used")
    for person in (PersonFactory(), approver()):
        assert client_of(person).delete(f"{CLUSTERS}{free.pk}/").status_code == 403
    assert admins.delete(f"{CLUSTERS}{free.pk}/").status_code == 204
    assert admins.get(f"{CLUSTERS}{free.pk}/").status_code == 404
    assert admins.delete(f"{CLUSTERS}{free.pk}/").status_code == 404
