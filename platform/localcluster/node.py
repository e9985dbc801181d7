"""One real node for one cluster of this machine: containerd, kubelet, kube-proxy."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from localcluster import api, images, kubeconfig, machine, node_config, nodes, pki, services
from localcluster.control_plane import ControlPlane
from localcluster.errors import LocalClusterError
from localcluster.home import Home, locked_file
from localcluster.machine import RUN, Network
from localcluster.node_config import NodeConfig
from localcluster.pki import Leaf
from localcluster.processes import Daemon
from localcluster.services import Service

NAME = "argosy-node"
DAEMONS = ("kube-proxy", "kubelet", "containerd")
CLAIM = RUN / "owner.json"
LOCK = Path("/run/argosy-node.lock")
IMPORT_SECONDS = 300
ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose the one real node of this machine is."""

    home: str
    cluster: str


def owner() -> Owner | None:
    """Who has it; a home that is gone has nothing."""
    found = _claimed()
    return found if found and Path(found.home).is_dir() else None


def obstacle(home: Home, cluster: str) -> str | None:
    """Why this cluster cannot have a real node here, packages apart; none if it can."""
    if os.geteuid() != 0:
        return "a real node needs root"
    has = owner()
    if has is None:
        if not CLAIM.exists() and shutil.which("nft") and machine.has_foreign_proxy():
            return "this machine is a node of some Kubernetes cluster already"
        return None
    if has != Owner(str(home.path), cluster):
        return (
            f"the one real node of this machine belongs to cluster {has.cluster} in {has.home} "
            f"(`ARGOSY_HOME={has.home} argosy local down {has.cluster}` frees it)"
        )
    return None


def claim(home: Home, cluster: str) -> Network:
    """Take the real node of this machine and make its bridge; before the API server starts."""
    with locked_file(LOCK):
        if why := obstacle(home, cluster):
            raise LocalClusterError(f"No real node: {why}. Use --node simulated.")
        if owner() is None:
            abandoned = _claimed()
            remove(Home(Path(abandoned.home)) if abandoned else home)
        RUN.mkdir(mode=0o700, exist_ok=True)
        CLAIM.write_text(json.dumps(asdict(Owner(str(home.path), cluster))))
        return machine.make_bridge()


def start(home: Home, plane: ControlPlane, network: Network) -> None:
    """Have its three programs running, its images there, and the node ready for pods."""
    config = _config(home, plane, network)
    machine.remember(home.node)
    machine.make_cgroups()
    node_config.write(config)
    _credentials(plane)
    services.ensure(_containerd(config))
    import_images(home)
    began = time.time()
    begun = [
        services.begin(service) for service in (_kubelet(config, plane), _proxy(config, plane))
    ]
    for started in begun:
        services.finish(started)
    # A node that was stopped still counts as ready to the API server: wait for fresh word of it.
    nodes.await_ready(plane.api, (NAME,), since=began if begun[0].fresh else 0.0)


def cluster_of(home: Home) -> str | None:
    """The cluster of this home that has the real node, if one has."""
    has = owner()
    return has.cluster if has and has.home == str(home.path) else None


def daemons(home: Home) -> tuple[Daemon, ...]:
    """In the order they are stopped."""
    return tuple(_daemon(home, name) for name in DAEMONS)


def stop(home: Home) -> None:
    """End the node's programs and every process of its pods."""
    proxy, kubelet, containerd = daemons(home)
    proxy.stop()
    kubelet.stop()
    machine.end_pods()
    containerd.stop()
    machine.end_shims(RUN / "containerd.sock")


def remove(home: Home) -> None:
    """Take back everything the node changed on this machine, even after a crash."""
    stop(home)
    machine.unmount(home.node, RUN)
    machine.remove_network()
    machine.restore(home.node)
    shutil.rmtree(RUN, ignore_errors=True)


def import_images(home: Home) -> None:
    """Have our own images and every kept archive in the running node."""
    if _daemon(home, "containerd").running() is None:
        return
    record = home.node / "imported.json"
    known: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    present = set(_ctr(home, "images", "list", "--quiet").split())
    for archive in (*images.own(), *images.kept(home)):
        mark = f"{archive.stat().st_size} {archive.stat().st_mtime_ns}"
        if known.get(str(archive)) == mark and present.issuperset(images.refs(archive)):
            continue
        kind = f"--snapshotter={machine.snapshotter(home.node)}"
        _ctr(home, "images", "import", kind, str(archive))
        known[str(archive)] = mark
        record.write_text(json.dumps(known, indent=1))


def _claimed() -> Owner | None:
    try:
        return Owner(**json.loads(CLAIM.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _ctr(home: Home, *arguments: str) -> str:
    socket = str(RUN / "containerd.sock")
    command = ["ctr", "--address", socket, "--namespace", "k8s.io", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=IMPORT_SECONDS
        )
    except subprocess.TimeoutExpired as exc:
        raise LocalClusterError(
            f"containerd did not finish `{' '.join(arguments)}` within {IMPORT_SECONDS} s; "
            f"its log is {_daemon(home, 'containerd').log}."
        ) from exc
    if done.returncode:
        raise LocalClusterError(
            f"containerd refused `{' '.join(arguments)}`: {done.stderr.strip()}; its log is "
            f"{_daemon(home, 'containerd').log}."
        )
    return done.stdout


def _daemon(home: Home, name: str) -> Daemon:
    return Daemon(home.node, name)


def _config(home: Home, plane: ControlPlane, network: Network) -> NodeConfig:
    return NodeConfig(
        folder=home.node,
        network=network,
        client_ca=plane.pki / "ca.crt",
        proxy_kubeconfig=plane.pki / "kube-proxy.kubeconfig",
        kubelet_port=plane.slot.port(4),
        kubelet_health_port=plane.slot.port(5),
        proxy_metrics_port=plane.slot.port(6),
        proxy_health_port=plane.slot.port(7),
        snapshotter=machine.snapshotter(home.node),
    )


def _credentials(plane: ControlPlane) -> None:
    if not (plane.pki / "node.crt").exists():
        pki.issue(plane.pki, Leaf("node", f"system:node:{NAME}", "system:nodes"))
    for user in ("node", "kube-proxy"):
        path = plane.pki / f"{user}.kubeconfig"
        kubeconfig.write(path, pki=plane.pki, user=user, server=plane.api.url, cluster=plane.name)


def _containerd(config: NodeConfig) -> Service:
    def answers() -> bool:
        command = ["ctr", "--address", str(config.socket), "--connect-timeout=1s", "version"]
        done = subprocess.run(command, capture_output=True, check=False, timeout=ANSWER_SECONDS)
        return done.returncode == 0

    program = shutil.which("containerd") or "containerd"
    return Service(
        daemon=Daemon(config.folder, "containerd"),
        command=(program, "--config", config.containerd),
        ready=answers,
    )


def _kubelet(config: NodeConfig, plane: ControlPlane) -> Service:
    return Service(
        daemon=Daemon(config.folder, "kubelet"),
        command=(
            plane.programs / "kubelet",
            f"--config={config.kubelet}",
            f"--kubeconfig={plane.pki / 'node.kubeconfig'}",
            f"--hostname-override={NAME}",
            f"--node-ip={config.network.gateway}",
            f"--root-dir={config.folder / 'kubelet'}",
            f"--cert-dir={config.folder / 'kubelet-pki'}",
        ),
        ready=lambda: api.healthy(config.kubelet_health_port),
        ports=(config.kubelet_health_port,),
    )


def _proxy(config: NodeConfig, plane: ControlPlane) -> Service:
    return Service(
        daemon=Daemon(config.folder, "kube-proxy"),
        command=(
            plane.programs / "kube-proxy",
            f"--config={config.proxy}",
            f"--hostname-override={NAME}",
        ),
        ready=lambda: api.healthy(config.proxy_health_port),
        ports=(config.proxy_metrics_port, config.proxy_health_port),
    )
