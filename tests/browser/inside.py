"""What is in a namespace: pods that run, wait and ended, and what the cluster says of them."""

import datetime as dt
from collections.abc import Iterator

from controlplane.objects import Manifest


def objects(namespace: str, workflow: str, now: dt.datetime) -> Iterator[Manifest]:
    """Pods of a workflow and of a Deployment, one of them stuck, and four events."""
    for step, phase in (("plan", "Succeeded"), ("extract-1", "Running"), ("extract-2", "Running")):
        yield _pod(namespace, f"{workflow}-{step}", phase, ("Workflow", workflow))
    stuck = _pod(namespace, "export-api-7d9f-x2x8p", "Pending", ("ReplicaSet", "export-api-7d9f"))
    stuck["metadata"]["labels"] = {"pod-template-hash": "7d9f"}
    stuck["status"]["containerStatuses"] = [
        {"name": "api", "restartCount": 3, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    ]
    yield stuck
    yield _pod(namespace, "debug", "Running", None)
    for number, (kind, reason, about, message) in enumerate(
        (
            ("Warning", "BackOff", "export-api-7d9f-x2x8p",
             'Back-off pulling image "harbor.corp.example/payments/export:2.4.1"'),
            ("Normal", "Scheduled", f"{workflow}-extract-2",
             f"Successfully assigned {namespace}/{workflow}-extract-2 to node-3"),
            ("Normal", "Started", f"{workflow}-extract-1", "Started container main"),
            ("Warning", "FailedScheduling", f"{workflow}-extract-2",
             "0/3 nodes are available: 3 Insufficient cpu."),
        )
    ):  # fmt: skip
        yield _event(namespace, (kind, reason, about, message), number, now)


def _pod(namespace: str, name: str, phase: str, owner: tuple[str, str] | None) -> Manifest:
    metadata: Manifest = {"namespace": namespace, "name": name}
    if owner is not None:
        kind, whose = owner
        metadata["ownerReferences"] = [
            {"apiVersion": "v1", "kind": kind, "name": whose, "uid": whose, "controller": True}
        ]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": phase}}


def _event(
    namespace: str, said: tuple[str, str, str, str], number: int, now: dt.datetime
) -> Manifest:
    kind, reason, about, message = said
    at = now - dt.timedelta(minutes=1 + 4 * number)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": f"{about}.{number}"},
        "type": kind,
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": "Pod", "name": about},
        "lastTimestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "count": 1 + 3 * (number % 2),
    }
