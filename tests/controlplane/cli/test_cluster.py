"""`argosy cluster`: adding, looking before, labelling, removing, and the role, as they read in a terminal."""

import json
from pathlib import Path

import pytest
import yaml
from pytest_django.live_server_helper import LiveServer

from controlplane.clusters import services
from controlplane.clusters.models import Cluster
from controlplane.clusters.preflight import Verdict
from controlplane.kube.door import Connection
from tests.controlplane.api.test_clusters import FIT, KUBE_SYSTEM, UNFIT, kubeconfig
from tests.controlplane.cli.test_commands import OK, REFUSED, USAGE, run
from tests.factories import ClusterFactory, NamespaceFactory, PersonFactory, platform_admin
from tests.fakes import FakeCluster, FakeHelm

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("home"),
]


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch, live_server: LiveServer) -> list[Verdict]:
    """What the preflight says, whatever kubeconfig is entered."""
    fake = FakeCluster()
    fake.apply(KUBE_SYSTEM)
    opened = Connection(kube=fake, helm=FakeHelm(fake, lambda _: ()))
    said = [FIT]
    monkeypatch.setattr(services, "connect", lambda _: opened)
    monkeypatch.setattr("controlplane.api.clusters.connect", lambda _: opened)
    monkeypatch.setattr(services.base_release, "install", lambda *_, **__: ())
    monkeypatch.setattr(services, "judge", lambda _: tuple(said))
    return said


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "eu.yaml"
    path.write_text(kubeconfig())
    return str(path)


def test_a_cluster_is_added_with_its_labels_and_changed_by_them(
    verdicts: list[Verdict], file: str
) -> None:
    admin = platform_admin()
    words = ["--region", "eu", "--zone", "b", "--environment", "prod", "--label", "disk=ssd"]

    added = run("cluster", "add", "eu", "--kubeconfig", file, *words, user=admin)
    assert added.exit_code == OK, added.output
    assert run("cluster", "label", "eu", "zone=c", "disk-", user=admin).exit_code == OK

    kept = {"environment": "prod", "region": "eu", "zone": "c"}
    assert Cluster.objects.get().labels == kept
    listed = run("cluster", "list", "--json", user=PersonFactory())
    assert [c["labels"] for c in json.loads(listed.output)] == [kept]


@pytest.mark.parametrize("label", ["region", "Region=eu", "region=e u", "argosy.dev/x=y"])
def test_a_label_that_cannot_be_is_one_sentence(
    verdicts: list[Verdict], file: str, label: str
) -> None:
    words = ["--label", label]

    answer = run("cluster", "add", "eu", "--kubeconfig", file, *words, user=platform_admin())

    assert answer.exit_code == REFUSED
    assert len(answer.output.strip().splitlines()) == 1
    assert not Cluster.objects.exists()


def test_a_preflight_is_a_line_a_verdict_and_what_is_missing_as_yaml(
    verdicts: list[Verdict], file: str
) -> None:
    well = run("cluster", "preflight", "--kubeconfig", file, user=platform_admin())
    verdicts.append(UNFIT)
    badly = run("cluster", "preflight", "--kubeconfig", file, user=platform_admin())

    assert (well.exit_code, badly.exit_code) == (OK, REFUSED)
    assert "ok      Kubernetes: It is Kubernetes v1.37.1." in well.output
    assert "refuse  rights:" in badly.output
    assert "kind: x" in badly.output


def test_a_registered_cluster_is_looked_at_by_its_name(verdicts: list[Verdict], file: str) -> None:
    run("cluster", "add", "eu", "--kubeconfig", file, user=platform_admin())

    found = run("cluster", "preflight", "eu", "--json", user=platform_admin())

    assert json.loads(found.output)["fit"] is True
    assert run("cluster", "preflight", user=platform_admin()).exit_code == USAGE
    assert run("cluster", "preflight", "us", user=platform_admin()).exit_code == REFUSED


def test_the_role_comes_alone_or_with_an_account() -> None:
    alone = run("cluster", "role", user=platform_admin())
    whole = run("cluster", "role", "--account", "kube-system/argosy", user=platform_admin())

    assert yaml.safe_load(alone.output)["kind"] == "ClusterRole"
    kinds = [m["kind"] for m in yaml.safe_load_all(whole.output)]
    assert kinds == ["ClusterRole", "ServiceAccount", "Secret", "ClusterRoleBinding"]
    assert run("cluster", "role", "--account", "argosy", user=platform_admin()).exit_code == REFUSED
    assert run("cluster", "role", user=PersonFactory()).exit_code == REFUSED


def test_a_cluster_is_removed_once_nobody_uses_it() -> None:
    used, free = NamespaceFactory(name="payments").cluster, ClusterFactory()
    admin = platform_admin()

    refused = run("cluster", "remove", used.name, "--yes", user=admin)
    done = run("cluster", "remove", free.name, "--yes", user=admin)

    assert (refused.exit_code, done.exit_code) == (REFUSED, OK)
    assert "payments" in refused.output
    assert [c.name for c in Cluster.objects.all()] == [used.name]
