"""Clusters by name: bring up, stop, delete, tell how they are."""

import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from localcluster import build, control_plane, etcd, kinds, nodes, pki, slots
from localcluster.api import Api
from localcluster.control_plane import SERVICE_ADDRESS, ControlPlane
from localcluster.errors import LocalClusterError
from localcluster.home import Home

NodeKind = Literal["real", "simulated"]
NodeWish = Literal["auto", "real", "simulated"]
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


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What is there of a cluster, and which of its programs run."""

    name: str
    state: State
    node: NodeKind
    server: str
    kubeconfig: Path
    programs: Mapping[str, bool]


def up(
    name: str,
    *,
    node: NodeWish = "auto",
    home: Home | None = None,
    durable: bool = True,
    crds: Sequence[Mapping[str, Any]] = (),
) -> RunningCluster:
    """Have the cluster running and ready; what runs already stays, what fell is started again.

    `crds` are known to the cluster before its controllers look, so that quotas count them at once.
    """
    _check(name)
    home = home or Home.default()
    if node == "real":
        raise LocalClusterError("A real node cannot be started here yet; use --node simulated.")
    programs = build.programs()
    with home.locked():
        return _up(home, name, "simulated", programs, durable=durable, crds=crds)


def down(name: str, *, home: Home | None = None) -> None:
    """Stop the cluster and keep its data; etcd goes with the last one."""
    home = home or Home.default()
    _known(home, name)
    with home.locked():
        control_plane.stop(home.cluster(name))
        _stop_shared_if_idle(home)


def down_all(*, home: Home | None = None) -> None:
    """Stop every cluster of this home, and etcd."""
    home = home or Home.default()
    if not home.path.is_dir():
        return
    with home.locked():
        for name in _names(home):
            control_plane.stop(home.cluster(name))
        _stop_shared_if_idle(home)


def wipe(name: str, *, home: Home | None = None) -> None:
    """Stop the cluster and delete everything it knew."""
    home = home or Home.default()
    _known(home, name)
    folder = home.cluster(name)
    with home.locked():
        control_plane.stop(folder)
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
    node: NodeKind,
    programs: Path,
    *,
    durable: bool,
    crds: Sequence[Mapping[str, Any]],
) -> RunningCluster:
    folder = home.cluster(name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    etcd_url = etcd.ensure(home, programs, durable=durable)
    plane = ControlPlane(name, folder, programs, slots.reserve(folder), etcd_url)
    pki.ensure(plane.pki, api_addresses=(slots.LOOPBACK, SERVICE_ADDRESS))
    control_plane.write_kubeconfigs(plane)
    _remember(folder, {"node": node, "server": plane.api.url, "durable": durable})
    control_plane.start_api_server(plane)
    if kinds.ensure(plane.api, crds):
        control_plane.stop_controller_manager(folder)
    control_plane.start_controllers(plane)
    nodes.apply_simulated(plane.api, beside_real=False)
    nodes.await_ready(plane.api)
    _await_accounts(plane.api)
    return RunningCluster(name, plane.kubeconfig, plane.api.url, node)


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
    running = {
        daemon.name: daemon.running() is not None for daemon in control_plane.daemons(folder)
    }
    state: State = "half"
    if not any(running.values()):
        state = "stopped"
    elif all(running.values()) and etcd.daemon(home).running():
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
    record: Mapping[str, Any] = json.loads((folder / RECORD).read_text())
    return record
