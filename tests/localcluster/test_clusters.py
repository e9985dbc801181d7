"""Real control planes: come up, stay up, go away, side by side."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcluster import clusters, etcd, slots
from localcluster.api import Api
from localcluster.clusters import RunningCluster
from localcluster.control_plane import daemons
from localcluster.errors import LocalClusterError
from localcluster.home import Home
from localcluster.processes import Daemon
from localcluster.slots import LOOPBACK

pytestmark = pytest.mark.cluster
WORKFLOWS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "workflows.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "names": {"kind": "Workflow", "plural": "workflows"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"))
    yield made
    clusters.down_all(home=made)


@pytest.fixture(scope="module", autouse=True)
def one(home: Home) -> RunningCluster:
    return up(home, "one")


def up(home: Home, name: str) -> RunningCluster:
    return clusters.up(name, node="simulated", home=home, durable=False)


def api_of(home: Home, running: RunningCluster) -> Api:
    port = int(running.server.rpartition(":")[2])
    return Api(LOOPBACK, port, home.cluster(running.name) / "pki")


def make_namespace(api: Api, name: str) -> None:
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    api.apply(f"/api/v1/namespaces/{name}", manifest, "tests")


def has_namespace(api: Api, name: str) -> bool:
    return api.get(f"/api/v1/namespaces/{name}") is not None


def eventually(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def pids(home: Home, name: str) -> list[int]:
    return [running.pid for daemon in daemons(home.cluster(name)) if (running := daemon.running())]


def kill(daemon: Daemon) -> None:
    running = daemon.running()
    assert running
    os.kill(running.pid, signal.SIGKILL)
    eventually(lambda: daemon.running() is None)


def test_a_cluster_is_told_as_running(home: Home, one: RunningCluster) -> None:
    (status,) = (found for found in clusters.status(home=home) if found.name == "one")

    assert (status.state, status.node, status.server) == ("running", "simulated", one.server)
    assert all(status.programs.values())


def test_a_kubeconfig_holds_no_paths(one: RunningCluster) -> None:
    document = json.loads(one.kubeconfig.read_text())

    fields = {*document["clusters"][0]["cluster"], *document["users"][0]["user"]}
    assert fields == {
        "server",
        "certificate-authority-data",
        "client-certificate-data",
        "client-key-data",
    }
    assert one.kubeconfig.stat().st_mode & 0o077 == 0


def test_up_again_changes_nothing(home: Home, one: RunningCluster) -> None:
    before = pids(home, "one")

    again = up(home, "one")

    assert again == one
    assert pids(home, "one") == before


@pytest.mark.parametrize(
    "name", ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]
)
def test_a_killed_program_is_started_again_and_nothing_is_lost(
    home: Home, one: RunningCluster, name: str
) -> None:
    make_namespace(api_of(home, one), "precious")
    kill(Daemon(home.cluster("one"), name))
    (half,) = (found for found in clusters.status(home=home) if found.name == "one")

    again = up(home, "one")

    assert half.state == "half"
    assert has_namespace(api_of(home, again), "precious")
    assert len(pids(home, "one")) == 4


def test_a_killed_etcd_is_started_again_and_nothing_is_lost(
    home: Home, one: RunningCluster
) -> None:
    make_namespace(api_of(home, one), "precious")
    kill(etcd.daemon(home))

    again = up(home, "one")

    eventually(lambda: has_namespace(api_of(home, again), "precious"))


def test_a_pod_runs_on_a_simulated_node(home: Home, one: RunningCluster) -> None:
    api = api_of(home, one)
    path = "/api/v1/namespaces/default/pods/sleeper"
    container = {"name": "main", "image": "localhost/argosy-say:local"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "sleeper"},
        "spec": {"containers": [container]},
    }

    api.apply(path, pod, "tests")

    eventually(lambda: (api.get(path) or {})["status"].get("phase") == "Running")
    node = api.get(f"/api/v1/nodes/{(api.get(path) or {})['spec']['nodeName']}") or {}
    assert node["metadata"]["labels"]["argosy.dev/simulated"] == "true"
    assert "taints" not in node["spec"]


def test_a_quota_counts_a_kind_that_was_there_first(home: Home) -> None:
    running = clusters.up("one", node="simulated", home=home, durable=False, crds=[WORKFLOWS])
    api = api_of(home, running)
    make_namespace(api, "counted")
    path = "/api/v1/namespaces/counted/resourcequotas/quota"
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "quota"},
        "spec": {"hard": {"count/workflows.argoproj.io": "5", "pods": "3"}},
    }

    api.apply(path, quota, "tests")

    # Controllers that met the kind later would take up to half a minute.
    eventually(lambda: "used" in (api.get(path) or {}).get("status", {}), seconds=10)
    eventually(
        lambda: "count/workflows.argoproj.io" in (api.get(path) or {})["status"]["used"], seconds=10
    )


def test_it_tells_what_it_waits_for_as_it_starts_and_as_it_stops(home: Home) -> None:
    said: list[str] = []

    clusters.up("told", node="simulated", home=home, durable=False, say=said.append)
    clusters.down("told", home=home, say=said.append)
    clusters.wipe("told", home=home)

    assert said == [
        "told: etcd …",
        "told: the API server …",
        "told: its controllers …",
        "told: waiting for its nodes …",
        "told: stopping its control plane …",
    ]


def test_two_clusters_know_nothing_of_each_other(home: Home, one: RunningCluster) -> None:
    # The longer name begins with the shorter one: their keys in etcd must not be mistaken.
    other = up(home, "one-more")
    make_namespace(api_of(home, one), "mine")
    make_namespace(api_of(home, other), "theirs")

    clusters.down("one-more", home=home)
    others = up(home, "one-more")

    assert has_namespace(api_of(home, others), "theirs")
    assert not has_namespace(api_of(home, others), "mine")
    assert not has_namespace(api_of(home, one), "theirs")


def test_wiping_one_forgets_it_and_only_it(home: Home, one: RunningCluster) -> None:
    make_namespace(api_of(home, up(home, "one-more")), "theirs")
    make_namespace(api_of(home, one), "mine")

    clusters.wipe("one-more", home=home)

    assert [found.name for found in clusters.status(home=home)] == ["one"]
    assert not home.cluster("one-more").exists()
    assert has_namespace(api_of(home, one), "mine")
    assert not has_namespace(api_of(home, up(home, "one-more")), "theirs")
    clusters.wipe("one-more", home=home)


def test_a_taken_port_is_named_and_the_cluster_comes_up_once_it_is_free(home: Home) -> None:
    port = int(up(home, "one-more").server.rpartition(":")[2])
    clusters.down("one-more", home=home)
    with socket.create_server((LOOPBACK, port)), pytest.raises(LocalClusterError) as raised:
        up(home, "one-more")

    again = up(home, "one-more")

    told = f"Port {port} on 127.0.0.1, which kube-apiserver needs, is taken by "
    assert str(raised.value).startswith(told)
    assert f"(process {os.getpid()})" in str(raised.value)
    assert again.server.endswith(f":{port}")
    clusters.wipe("one-more", home=home)


def test_two_homes_run_side_by_side(home: Home, one: RunningCluster, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        elsewhere = Home(tmp_path / "elsewhere")
        stack.callback(lambda: clusters.wipe("one", home=elsewhere))

        other = up(elsewhere, "one")

        assert other.server != one.server
        assert not has_namespace(api_of(elsewhere, other), "precious")
    assert list(elsewhere.clusters.iterdir()) == []
    assert etcd.daemon(elsewhere).running() is None


def test_down_ends_every_process_and_up_finds_its_data(home: Home, one: RunningCluster) -> None:
    make_namespace(api_of(home, one), "precious")

    clusters.down("one", home=home)
    clusters.down("one", home=home)

    assert pids(home, "one") == []
    assert etcd.daemon(home).running() is None
    assert {found.state for found in clusters.status(home=home)} == {"stopped"}
    assert has_namespace(api_of(home, up(home, "one")), "precious")


def test_a_flag_that_the_api_server_refuses_is_told_with_its_last_words(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcluster.control_plane.SERVICES", "no-network")

    with pytest.raises(LocalClusterError) as raised:
        up(home, "broken")

    assert str(raised.value).startswith("kube-apiserver ended right after its start.")
    assert "service-cluster-ip-range[0] is not a valid cidr" in str(raised.value)
    monkeypatch.undo()
    clusters.wipe("broken", home=home)


def test_etcd_answers_nobody_without_its_certificate(
    local_cluster: RunningCluster, cluster_home: Home
) -> None:
    port = slots.reserve(cluster_home.etcd).port(0)
    trusting = ssl.create_default_context(cafile=str(etcd.certificates(cluster_home) / "ca.crt"))

    for scheme, context in (("http", None), ("https", trusting)):
        request = urllib.request.Request(
            f"{scheme}://127.0.0.1:{port}/v3/kv/range", data=b'{"key":"AA==","range_end":"AA=="}'
        )
        with pytest.raises((OSError, http.client.HTTPException)):
            urllib.request.urlopen(request, timeout=5, context=context)
