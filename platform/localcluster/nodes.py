"""The simulated nodes of a cluster: objects that KWOK plays the kubelet for; nothing runs there."""

import datetime as dt
import time
from collections.abc import Mapping
from typing import Any

from localcluster.api import Api
from localcluster.errors import LocalClusterError

MANAGER = "localcluster"
SIMULATED = ("simulated-1", "simulated-2")
TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}
READY_SECONDS = 30.0
POLL_SECONDS = 0.05


def apply_simulated(api: Api, *, beside_real: bool) -> None:
    """Make them; tainted beside a real node, or steps that must really run would land on them."""
    for name in SIMULATED:
        api.apply(_path(name), _node(name, tainted=beside_real), MANAGER)


def await_ready(api: Api, names: tuple[str, ...] = SIMULATED, *, since: float = 0.0) -> None:
    """Return when pods can be scheduled on every one of them, as was said after `since`."""
    deadline = time.monotonic() + READY_SECONDS
    waiting = list(names)
    while waiting:
        waiting = [name for name in waiting if not _schedulable(api.get(_path(name)), since)]
        if waiting and time.monotonic() > deadline:
            raise LocalClusterError(
                f"The nodes {', '.join(waiting)} did not become ready within {READY_SECONDS:.0f} s; "
                "look at kwok.log, kubelet.log and kube-controller-manager.log of the cluster."
            )
        if waiting:
            time.sleep(POLL_SECONDS)


def leave_simulated(api: Api) -> None:
    """Remove pods that nobody runs from where a real node would now run them."""
    for name in SIMULATED:
        _remove_pods(api, name, sparing=TAINT["key"])


def forget(api: Api, name: str) -> None:
    """Remove a node that is no more, and its pods: nobody else would say that they ended."""
    if api.get(_path(name)) is not None:
        _remove_pods(api, name)
        api.delete(_path(name))


def _remove_pods(api: Api, node: str, *, sparing: str | None = None) -> None:
    """Those that tolerate the taint `sparing` stay."""
    pods = (api.get(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}") or {})["items"]
    for pod in pods:
        tolerated = {entry.get("key") for entry in pod["spec"].get("tolerations", [])}
        if sparing is None or sparing not in tolerated:
            meta = pod["metadata"]
            api.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}", at_once=True)


def _path(name: str) -> str:
    return f"/api/v1/nodes/{name}"


def _schedulable(node: Mapping[str, Any] | None, since: float) -> bool:
    if node is None:
        return False
    conditions = node.get("status", {}).get("conditions", [])
    ready = any(
        entry["type"] == "Ready"
        and entry["status"] == "True"
        # Whole seconds is all that the API server keeps.
        and dt.datetime.fromisoformat(entry["lastHeartbeatTime"]).timestamp() >= int(since)
        for entry in conditions
    )
    taints = [taint["key"] for taint in node["spec"].get("taints", [])]
    return ready and "node.kubernetes.io/not-ready" not in taints


def _node(name: str, *, tainted: bool) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {
                "argosy.dev/simulated": "true",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "type": "kwok",
            },
        },
        "spec": {"taints": [TAINT]} if tainted else {},
    }
