"""The embedded engine follows the clusters there are, falls and rises, and ends with the platform."""

import base64
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from typer.testing import CliRunner

from controlplane.cli.main import app
from controlplane.clusters.credentials import sealed
from controlplane.clusters.models import Cluster
from controlplane.kube.door import Connection
from controlplane.kube.errors import Unreachable
from controlplane.metrics import credentials, exposition, queries, tokens
from controlplane.metrics.engine import Engine
from controlplane.objects import Ref
from controlplane.processes import metrics
from controlplane.processes.metrics import Keeper
from localcluster import clusters, pki
from localcluster.build import metrics_programs
from localcluster.errors import LocalClusterError
from localcluster.processes import Daemon
from tests.factories import ClusterFactory, NamespaceFactory
from tests.fakes import FakeCluster
from tests.prometheus import (
    WITHIN,
    Controllers,
    Running,
    controller,
    controllers,
    hurried,
    hurried_rules,
)

ACCOUNT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": credentials.ACCOUNT, "namespace": credentials.SYSTEM},
}


@cache
def kubeconfig(authority: bytes = b"") -> dict[str, Any]:
    """One that names an authority; as it is kept, whoever it is for."""
    with tempfile.TemporaryDirectory() as folder:
        pki._make_authority(Path(folder), "ca")
        authority = authority or (Path(folder) / "ca.crt").read_bytes()
    member = {"server": "x", "certificate-authority-data": base64.b64encode(authority).decode()}
    return {"clusters": [{"name": "member", "cluster": member}]}


@pytest.fixture
def story() -> Iterator[Controllers]:
    with controllers() as them:
        yield them


def member(story: Controllers, name: str = "eu") -> Cluster:
    """A cluster whose API server is the stub; nobody asks it for a token."""
    return ClusterFactory(
        name=name, server=story.url, sealed_kubeconfig=sealed(kubeconfig(), name), reachable=False
    )


@pytest.fixture
def keeper(
    tmp_path: Path, live_server: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Iterator[Running]:
    """A keeper for the live platform, in a hurry."""
    settings.HOME = tmp_path
    taken = exposition.Snapshots()
    monkeypatch.setattr(exposition, "snapshots", taken)
    embedded, rules = metrics.embedded, metrics.rule_file
    monkeypatch.setattr(
        metrics, "embedded", lambda *args, **more: hurried(embedded(*args, **more), "1s")
    )
    monkeypatch.setattr(metrics, "rule_file", lambda: hurried_rules(rules(), "1s"))
    ours = Keeper(metrics_programs(), tmp_path / "metrics", live_server.url)
    engine = Engine(f"http://127.0.0.1:{ours._port()}")
    yield Running(engine, ours, ours.folder)
    engine.close()
    ours.stop()
    taken.end()


@pytest.mark.cluster
def test_it_scrapes_what_is_registered_and_follows_what_comes(
    keeper: Running, story: Controllers
) -> None:
    story.add("eu", "atlas", "shop", controller(Running=2))
    story.add("us", "atlas", "shop-us", controller(Running=5))
    NamespaceFactory(
        name="shop", team__slug="atlas", cluster=member(story), applied_at=timezone.now()
    )
    keeper.keeper.step()

    keeper.until('namespace:workflows:sum{cluster="eu",team="atlas",namespace="shop"} == 2')
    keeper.until('argosy_cluster_up{cluster="eu"} == 0')
    own = queries.run("platform_namespaces", {}, queries.platform_scope(), engine=keeper.engine)
    assert (own.freshness, own.series[0].points[0][1], own.trouble) == ("fresh", 1, "")
    pid = keeper.keeper.daemon.running()
    shop = NamespaceFactory(name="shop-us", cluster=member(story, "us"), applied_at=timezone.now())
    keeper.keeper.step()
    keeper.until(f'namespace:workflows:sum{{cluster="us",team="{shop.team.slug}"}} == 5')

    assert keeper.keeper.daemon.running() == pid


@pytest.mark.cluster
@pytest.mark.django_db(transaction=True)
def test_one_that_fell_is_started_again_with_what_it_had_and_not_in_every_moment(
    keeper: Running,
) -> None:
    keeper.keeper.step()
    keeper.until('up{job="engine"}')
    first = keeper.keeper.daemon.running()
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    gone(keeper.keeper.daemon)
    keeper.keeper._next = time.monotonic() + 60  # it was started just now

    keeper.keeper.step()
    assert keeper.keeper.daemon.running() is None
    keeper.keeper._next = 0.0
    keeper.keeper.step()

    assert keeper.keeper.daemon.running() not in {None, first}
    # Where the fallen one's port is not free yet, it is found elsewhere: by its address.
    engine = Engine((keeper.folder / "engine.url").read_text())
    try:
        Running(engine, keeper.keeper, keeper.folder).until('up{job="engine"} offset 2s')
    finally:
        engine.close()


@pytest.mark.cluster
@pytest.mark.django_db(transaction=True)
def test_what_the_checker_refuses_is_said_and_the_engine_goes_on(
    keeper: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keeper.keeper.step()
    keeper.until('up{job="engine"}')
    before = (keeper.folder / "prometheus.yml").read_bytes()
    monkeypatch.setattr(metrics, "embedded", lambda *_args, **_more: {"scrape_configs": 7})

    keeper.keeper.safely()
    keeper.keeper.safely()

    assert (keeper.folder / "prometheus.yml").read_bytes() == before
    assert caplog.text.count("configuration is not taken") == 1
    assert keeper.keeper.daemon.running() is not None


@pytest.mark.django_db
def test_a_checker_that_hangs_ends_nothing_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hangs = tmp_path / "promtool"
    hangs.write_text("#!/bin/sh\nexec sleep 60\n")
    hangs.chmod(0o700)
    monkeypatch.setattr(metrics, "CHECK_SECONDS", 0.1)
    keeper = Keeper(tmp_path, tmp_path / "metrics", "http://127.0.0.1:1")

    keeper.safely()

    assert "was not checked within 0.1 s" in caplog.text


@pytest.mark.django_db
def test_what_nobody_foresaw_does_not_end_who_keeps_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metrics, "embedded", lambda *_args, **_more: {}["members"])

    Keeper(tmp_path, tmp_path / "metrics", "http://127.0.0.1:1").safely()

    assert "KeyError: 'members'" in caplog.text


@pytest.mark.cluster
@pytest.mark.django_db(transaction=True)
def test_it_ends_with_the_platform_and_its_address_with_it(keeper: Running) -> None:
    keeper.keeper.step()
    keeper.until('up{job="engine"}')
    assert (keeper.folder / "engine.url").read_text() == keeper.engine.url

    keeper.keeper.stop()

    assert keeper.keeper.daemon.running() is None
    assert not (keeper.folder / "engine.url").exists()
    assert keeper.engine.ready() is not None


@pytest.mark.django_db
def test_with_an_engine_elsewhere_none_is_started(settings: Any, tmp_path: Path) -> None:
    settings.METRICS_URL, settings.HOME = "https://metrics.test", tmp_path

    metrics.run(threading.Event(), url="http://127.0.0.1:1")

    assert not (tmp_path / "metrics").exists()


@pytest.mark.django_db
def test_where_it_cannot_be_had_that_is_what_pages_say(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_URL, settings.HOME = "", tmp_path
    said = []

    def building() -> Path:
        said.append(queries.run("platform_behind", {}, queries.platform_scope()).trouble)
        raise LocalClusterError("The disk is full: free about 6 GB.")

    monkeypatch.setattr(metrics, "metrics_programs", building)

    metrics.run(threading.Event(), url="http://127.0.0.1:1")

    said.append(queries.run("platform_behind", {}, queries.platform_scope()).trouble)
    assert said == [metrics.BEING_BUILT, "There are no metrics: The disk is full: free about 6 GB."]


def test_down_ends_an_engine_that_a_killed_platform_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path))
    monkeypatch.setattr(clusters, "down_all", lambda *, say: None)
    left = Daemon(tmp_path / "metrics", "prometheus")
    left.start([sys.executable, "-c", "import time; time.sleep(600)"])

    done = CliRunner().invoke(app, ["down"])

    assert (done.exit_code, left.running()) == (0, None)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """A cluster that has the reader's account."""
    fake = FakeCluster()
    for manifest in (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": credentials.SYSTEM}},
        ACCOUNT,
    ):
        fake.apply(manifest)
    monkeypatch.setattr(credentials, "connect", lambda _: Connection(fake, None))
    return fake


@pytest.mark.django_db
def test_a_clusters_token_is_in_a_file_of_our_own_and_renewed_before_it_ends(
    there: FakeCluster, tmp_path: Path
) -> None:
    cluster, now = (
        ClusterFactory(name="eu", sealed_kubeconfig=sealed(kubeconfig(), "eu")),
        timezone.now(),
    )
    folder = tmp_path / cluster.name
    credentials.prepare(folder, cluster)
    assert credentials.is_due(folder, cluster, now)

    credentials.renew(folder, cluster)

    assert (folder / "token").read_text() == f"token-of-{credentials.ACCOUNT}"
    assert (folder / "ca.crt").read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert (folder / "discovery").read_text() == tokens.for_targets(cluster)
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert not credentials.is_due(folder, cluster, now + timedelta(hours=5))
    assert credentials.is_due(folder, cluster, now + timedelta(hours=7))
    cluster.uid = "rebuilt"
    assert credentials.is_due(folder, cluster, now)


@pytest.mark.django_db
def test_a_cluster_that_gives_no_token_is_said_once_and_leaves_the_others_theirs(
    there: FakeCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    there.refusals["token", "ServiceAccount"] = Unreachable("it is away")
    for name in ("eu", "us"):
        ClusterFactory(name=name, sealed_kubeconfig=sealed(kubeconfig(), name))
    ClusterFactory(name="sealed", sealed_kubeconfig="by another key")
    ClusterFactory(name="junk", sealed_kubeconfig=sealed(kubeconfig(b"no certificate"), "junk"))
    keeper = Keeper(tmp_path, tmp_path / "metrics", "http://127.0.0.1:1")

    members = [keeper._member(cluster) for cluster in Cluster.objects.all()]
    members += [keeper._member(cluster) for cluster in Cluster.objects.all()]

    assert [m.name for m in members if m is not None] == ["eu", "us"] * 2
    assert caplog.text.count("it is away") == 2
    assert caplog.text.count("metrics of sealed: it cannot be scraped") == 1
    assert caplog.text.count("metrics of junk: it cannot be scraped") == 1
    assert (
        there.calls.count(f"token {Ref('v1', 'ServiceAccount', 'argosy-system', 'argosy-metrics')}")
        == 2
    )


@pytest.mark.django_db
def test_of_a_cluster_that_was_removed_no_token_stays(there: FakeCluster, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, tmp_path / "metrics", "http://127.0.0.1:1")
    for name in ("eu", "us"):
        keeper._member(ClusterFactory(name=name, sealed_kubeconfig=sealed(kubeconfig(), name)))

    keeper._forget({"eu"})

    assert [folder.name for folder in (tmp_path / "metrics" / "clusters").iterdir()] == ["eu"]


def gone(daemon: Daemon) -> None:
    deadline = time.monotonic() + WITHIN
    while daemon.running() is not None and time.monotonic() < deadline:
        time.sleep(0.05)
