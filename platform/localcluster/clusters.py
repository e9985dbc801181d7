"""Clusters by name: bring up, stop, delete, tell how they are."""

import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from localcluster import build, control_plane, etcd, images, kinds, machine, nodes, pki, slots
from localcluster import node as real_node
from localcluster.api import Api
from localcluster.choice import Choice, NodeKind, NodeWish, Say, choose
from localcluster.control_plane import SERVICE_ADDRESS, ControlPlane
from localcluster.errors import LocalClusterError
from localcluster.home import Home

State = Literal["running", "half", "stopped"]
RECORD = "cluster.json"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
ACCOUNT_SECONDS = 30.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class RunningCluster:
    """A cluster that answers."""

    name: str
    kubeconfig: Path
    server: str
    node: NodeKind
    why: str


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What is there of a cluster, and which of its programs run."""

    name: str
    state: State
    node: NodeKind
    server: str
    kubeconfig: Path
    programs: Mapping[str, bool]


def _say_nothing(_sentence: str) -> None:
    """Nobody listens."""


def up(
    name: str,
    *,
    node: NodeWish = "auto",
    home: Home | None = None,
    durable: bool = True,
    crds: Sequence[Mapping[str, Any]] = (),
    say: Say = _say_nothing,
) -> RunningCluster:
    """Have the cluster running and ready; what runs already stays, what fell is started again.

    `crds` are known to the cluster before its controllers look, so that quotas count them at once.
    """
    _check(name)
    home = home or Home.default()
    programs = build.programs()
    with home.locked():
        choice = choose(node, home, name, say)
        try:
            return _up(home, name, choice, programs, durable=durable, crds=crds, say=say)
        except LocalClusterError as exc:
            if choice.kind == "simulated":
                raise
            # Whatever of the node came up would hold on to the machine.
            _stop(home, name)
            if node == "real":
                raise
            choice = Choice("simulated", f"a real node was tried and failed: {exc}")
            return _up(home, name, choice, programs, durable=durable, crds=crds, say=say)


def down(name: str, *, home: Home | None = None, say: Say = _say_nothing) -> None:
    """Stop the cluster and keep its data; etcd goes with the last one."""
    home = home or Home.default()
    _known(home, name)
    with home.locked():
        _stop(home, name, say)
        _stop_shared_if_idle(home)


def down_all(*, home: Home | None = None, say: Say = _say_nothing) -> None:
    """Stop every cluster of this home, and etcd."""
    home = home or Home.default()
    if not home.path.is_dir():
        return
    with home.locked():
        for name in _names(home):
            _stop(home, name, say)
        _stop_shared_if_idle(home)


def wipe(name: str, *, home: Home | None = None) -> None:
    """Stop the cluster and delete everything it knew."""
    home = home or Home.default()
    _known(home, name)
    folder = home.cluster(name)
    with home.locked():
        _stop(home, name)
        machine.refuse_mounts(home.node)
        if [other for other in _names(home) if other != name]:
            etcd.ensure(home, build.programs(), durable=_record(folder)["durable"])
            etcd.forget(home, f"/{name}")
            _stop_shared_if_idle(home)
        else:
            etcd.daemon(home).stop()
            slots.release(home.etcd)
            shutil.rmtree(home.etcd, ignore_errors=True)
        slots.release(folder)
        shutil.rmtree(folder)


def load_images(archives: Sequence[Path], *, home: Home | None = None) -> tuple[str, ...]:
    """Keep these archives for every real node, now and later; returns the images' names."""
    home = home or Home.default()
    for archive in archives:
        images.refs(archive)  # all are looked at before the first is kept
    with home.locked():
        found = [ref for archive in archives for ref in images.refs(images.keep(home, archive))]
        if real_node.cluster_of(home):
            real_node.import_images(home)
    return tuple(found)


def status(*, home: Home | None = None) -> tuple[ClusterStatus, ...]:
    """Every cluster of this home, by name."""
    home = home or Home.default()
    return tuple(_status(home, name) for name in _names(home))


def kubeconfig(name: str, *, home: Home | None = None) -> Path:
    """The kubeconfig of a cluster's administrator."""
    home = home or Home.default()
    _known(home, name)
    return home.cluster(name) / "kubeconfig"


def _up(
    home: Home,
    name: str,
    choice: Choice,
    programs: Path,
    *,
    durable: bool,
    crds: Sequence[Mapping[str, Any]],
    say: Say,
) -> RunningCluster:
    folder = home.cluster(name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    say(f"{name}: etcd …")
    etcd_url = etcd.ensure(home, programs, durable=durable)
    if choice.kind == "simulated" and real_node.cluster_of(home) == name:
        _stop(home, name)
    network = real_node.claim(home, name) if choice.kind == "real" else None
    plane = ControlPlane(
        name=name,
        folder=folder,
        programs=programs,
        slot=slots.reserve(folder),
        etcd_url=etcd_url,
        etcd_pki=etcd.certificates(home),
        address=network.gateway if network else slots.LOOPBACK,
    )
    gateways = [network.gateway for network in machine.NETWORKS]
    pki.ensure(plane.pki, api_addresses=(slots.LOOPBACK, SERVICE_ADDRESS, *gateways))
    before = _record(folder) if (folder / RECORD).exists() else None
    if before and before["server"] != plane.api.url:
        # It listens where pods of the other kind of node cannot reach it.
        control_plane.stop(folder)
    control_plane.write_kubeconfigs(plane)
    _remember(folder, {"node": choice.kind, "server": plane.api.url, "durable": durable})
    _start_control_plane(plane, crds, say)
    say(f"{name}: waiting for its nodes …")
    if network:
        nodes.leave_simulated(plane.api)
        real_node.start(home, plane, network)
    else:
        nodes.forget(plane.api, real_node.NAME)
    nodes.await_ready(plane.api)
    _await_accounts(plane.api)
    return RunningCluster(name, plane.kubeconfig, plane.api.url, choice.kind, choice.why)


def _start_control_plane(plane: ControlPlane, crds: Sequence[Mapping[str, Any]], say: Say) -> None:
    say(f"{plane.name}: the API server …")
    control_plane.start_api_server(plane)
    say(f"{plane.name}: its controllers …")
    if kinds.ensure(plane.api, crds):
        control_plane.stop_controller_manager(plane.folder)
    control_plane.start_controllers(plane)
    nodes.apply_simulated(plane.api, beside_real=plane.address != slots.LOOPBACK)


def _stop(home: Home, name: str, say: Say = _say_nothing) -> None:
    has_node = real_node.cluster_of(home) == name
    if has_node:
        say(f"{name}: stopping its pods and its node …")
        real_node.stop(home)
    say(f"{name}: stopping its control plane …")
    control_plane.stop(home.cluster(name))
    # Last: without the bridge the API server would wait for farewells that cannot arrive.
    if has_node:
        real_node.remove(home)


def _await_accounts(api: Api) -> None:
    """Return when the controllers made the first account: then they really work."""
    deadline = time.monotonic() + ACCOUNT_SECONDS
    while api.get("/api/v1/namespaces/default/serviceaccounts/default") is None:
        if time.monotonic() > deadline:
            raise LocalClusterError(
                "kube-controller-manager runs but makes no service account; look at its log."
            )
        time.sleep(POLL_SECONDS)


def _stop_shared_if_idle(home: Home) -> None:
    if all(_status(home, name).state == "stopped" for name in _names(home)):
        etcd.daemon(home).stop()


def _status(home: Home, name: str) -> ClusterStatus:
    folder = home.cluster(name)
    record = _record(folder)
    daemons = list(control_plane.daemons(folder))
    if record["node"] == "real" and real_node.cluster_of(home) in {name, None}:
        daemons += real_node.daemons(home)
    daemons.append(etcd.daemon(home))
    running = {daemon.name: daemon.running() is not None for daemon in daemons}
    own = {name: alive for name, alive in running.items() if name != "etcd"}
    state: State = "half"
    if not any(own.values()):
        state = "stopped"
    elif all(running.values()) and record["server"]:
        state = "running"
    return ClusterStatus(
        name=name,
        state=state,
        node=record["node"],
        server=record["server"],
        kubeconfig=folder / "kubeconfig",
        programs=running,
    )


def _names(home: Home) -> list[str]:
    return sorted(record.parent.name for record in home.clusters.glob(f"*/{RECORD}"))


def _check(name: str) -> None:
    if not NAME.fullmatch(name):
        raise LocalClusterError(
            f"{name!r} cannot name a cluster: use up to 40 lower-case letters, digits and dashes, "
            "with a letter or digit at both ends."
        )


def _known(home: Home, name: str) -> None:
    if name not in _names(home):
        there = ", ".join(_names(home)) or "none yet"
        raise LocalClusterError(
            f"There is no local cluster {name!r} in {home.path} (there: {there}); "
            f"`argosy local up {name}` makes it."
        )


def _remember(folder: Path, record: Mapping[str, Any]) -> None:
    draft = folder / f"{RECORD}.new"
    draft.write_text(json.dumps(record, indent=1))
    draft.replace(folder / RECORD)


def _record(folder: Path) -> Mapping[str, Any]:
    """What is known of it. A file that was spoilt, as by a power cut, tells nothing, and `up` mends it."""
    try:
        record = json.loads((folder / RECORD).read_text())
    except ValueError:
        record = {}
    told = record if isinstance(record, dict) else {}
    return {"node": "simulated", "server": "", "durable": True, **told}
