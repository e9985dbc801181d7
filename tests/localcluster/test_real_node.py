"""A real node: pods run, it survives its programs' deaths, and leaves the machine as it was."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import build, clusters, debian, images, machine, node
from localcluster.api import Api
from localcluster.clusters import RunningCluster
from localcluster.control_plane import daemons
from localcluster.errors import LocalClusterError
from localcluster.home import Home
from localcluster.images import Entry, Image
from localcluster.processes import Daemon

pytestmark = [pytest.mark.cluster, pytest.mark.real_node]
KUBECTL = "localhost/kubectl:test"
NAME = "real"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"))
    if why := node.obstacle(made, NAME):
        pytest.skip(f"no real node here: {why}")
    if lacking := debian.missing():
        pytest.skip(f"no real node here: `argosy local prepare` installs {', '.join(lacking)}")
    made.path.mkdir(exist_ok=True)
    yield made
    clusters.down_all(home=made)


@pytest.fixture
def real(home: Home) -> RunningCluster:
    return up(home)


def up(home: Home) -> RunningCluster:
    return clusters.up(NAME, node="real", home=home, durable=False)


def api_of(home: Home, running: RunningCluster) -> Api:
    address, _colon, port = running.server.removeprefix("https://").rpartition(":")
    return Api(address, int(port), home.cluster(running.name) / "pki")


def run(api: Api, name: str, image: str, *arguments: str) -> str:
    """Start a pod as Pod Security's `restricted` wants them; returns its path."""
    container = {
        "name": "main",
        "image": image,
        "args": list(arguments),
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    spec = {
        "restartPolicy": "Never",
        "containers": [container],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 8737,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    path = f"/api/v1/namespaces/default/pods/{name}"
    api.delete(path, at_once=True)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    api.apply(path, pod, "tests")
    return path


def phase(api: Api, path: str) -> str:
    pod: Any = api.get(path) or {}
    return str(pod.get("status", {}).get("phase"))


def eventually(what: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


def kill(daemon: Daemon) -> None:
    running = daemon.running()
    assert running
    os.kill(running.pid, signal.SIGKILL)
    eventually(lambda: daemon.running() is None)


def said(api: Api, path: str) -> str:
    return api.request("GET", f"{path}/log")[1].decode()


def settings() -> dict[str, str]:
    paths = (Path("/proc/sys") / name for name in machine.SETTINGS)
    return {str(path): path.read_text() for path in paths if path.exists()}


def traces(home: Home) -> list[str]:
    """Whatever of a node is still on this machine."""
    found = [str(path) for path in (machine.RUN, *machine.PLACES) if path.exists()]
    found += [str(path) for path in machine.CGROUPS.glob(f"**/{machine.CGROUP}")]
    found += [f"mount {path}" for path in machine._mounts(home.path)]
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True)
    found += [line for line in links.stdout.splitlines() if line.startswith(("veth", "argosy"))]
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    found += [line for line in tables.stdout.splitlines() if "kube-proxy" in line]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes()
        except OSError:
            continue
        if str(machine.RUN).encode() in command or str(home.path).encode() in command:
            found.append(command.decode(errors="replace"))
    return found


def test_a_pod_runs_as_nobody_with_nothing_to_write_on(home: Home, real: RunningCluster) -> None:
    api = api_of(home, real)

    path = run(api, "say", images.SAY, "hello", "there")

    eventually(lambda: phase(api, path) == "Succeeded")
    assert said(api, path) == "hello there\n"


def test_a_pod_reaches_the_api_server_as_its_own_account(
    home: Home, real: RunningCluster, tmp_path: Path
) -> None:
    entry = Entry(build.programs() / "kubectl", "/kubectl")
    archive = images.write(Image(KUBECTL, ("/kubectl",), (entry,)), tmp_path / "kubectl.tar")
    clusters.load_images([archive], home=home)
    api = api_of(home, real)

    path = run(api, "who", KUBECTL, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")

    eventually(lambda: phase(api, path) in {"Succeeded", "Failed"})
    assert said(api, path) == "system:serviceaccount:default:default"


def test_pods_keep_away_from_the_simulated_nodes_beside_it(
    home: Home, real: RunningCluster
) -> None:
    found: Any = api_of(home, real).get("/api/v1/nodes?labelSelector=argosy.dev%2Fsimulated")

    assert [entry["spec"]["taints"][0]["key"] for entry in found["items"]] == [
        "kwok.x-k8s.io/node"
    ] * 2


@pytest.mark.parametrize("name", ["containerd", "kubelet", "kube-proxy"])
def test_a_killed_program_is_started_again_and_pods_run_on(
    home: Home, real: RunningCluster, name: str
) -> None:
    api = api_of(home, real)
    path = run(api, "stays", images.PAUSE)
    eventually(lambda: phase(api, path) == "Running")
    kill(Daemon(home.node, name))

    again = up(home)

    pod: Any = api.get(path)
    assert again == real
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
    assert phase(api, run(api, "more", images.SAY, name)) in {"Pending", "Running"}
    eventually(lambda: phase(api, "/api/v1/namespaces/default/pods/more") == "Succeeded")


def test_a_stopped_cluster_comes_up_with_its_images(home: Home) -> None:
    clusters.down(NAME, home=home)

    api = api_of(home, up(home))

    path = run(api, "who", KUBECTL, "version", "--client")
    eventually(lambda: phase(api, path) == "Succeeded")


def test_another_home_is_told_whose_the_real_node_is(
    home: Home, real: RunningCluster, tmp_path: Path
) -> None:
    with pytest.raises(LocalClusterError) as raised:
        clusters.up(NAME, node="real", home=Home(tmp_path), durable=False)

    assert real.node == "real"
    assert f"belongs to cluster real in {home.path}" in str(raised.value)


def test_a_cluster_can_be_moved_to_simulated_nodes_and_back(home: Home) -> None:
    api = api_of(home, up(home))
    path = run(api, "mover", images.PAUSE)
    eventually(lambda: phase(api, path) == "Running")

    moved = clusters.up(NAME, node="simulated", home=home, durable=False)
    there = api_of(home, moved)

    assert moved.node == "simulated"
    assert there.get(path) is None
    assert there.get(f"/api/v1/nodes/{node.NAME}") is None
    assert traces_of_node(home) == []
    assert up(home).node == "real"


def traces_of_node(home: Home) -> list[str]:
    """What `traces` finds, without the control plane that still runs."""
    return [
        trace for trace in traces(home) if str(home.clusters) not in trace and "etcd" not in trace
    ]


def test_after_a_crash_of_everything_nothing_is_left(home: Home) -> None:
    clusters.down(NAME, home=home)
    before = settings()
    api = api_of(home, up(home))
    path = run(api, "crashed", images.PAUSE)
    eventually(lambda: phase(api, path) == "Running")
    for daemon in (*node.daemons(home), *daemons(home.cluster(NAME))):
        kill(daemon)

    clusters.down(NAME, home=home)

    assert traces(home) == []
    assert settings() == before


def test_after_wipe_nothing_is_left(home: Home) -> None:
    up(home)

    clusters.wipe(NAME, home=home)

    assert traces(home) == []
    assert clusters.status(home=home) == ()
