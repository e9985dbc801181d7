"""What a workflow's status says of its steps, whatever somebody wrote into it.

A status is data of a team's own: any field may be missing, of another type, huge, or lead in circles.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from controlplane.objects import Manifest

LARGEST_STATUS = 10 * 1024 * 1024
GZIP = b"\x1f\x8b"
ENDED = frozenset({"Succeeded", "Failed", "Error"})
NODE_ENDED = ENDED | {"Skipped", "Omitted"}
BAD = frozenset({"Failed", "Error"})
IN_A_POD = frozenset({"Pod", "Container"})
COMPOSITE = frozenset({"Steps", "DAG"})
LONGEST_POD_NAME, HASH_LENGTH = 253, 10
POD_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
MOST_NODES = 20_000
EARLIEST, LATEST = 1970, 9000
POD_NAME_FORMAT = "workflows.argoproj.io/pod-name-format"


@dataclass(frozen=True, slots=True)
class Node:
    """One step, or one of the knots that Argo ties steps together with."""

    id: str
    name: str
    label: str
    kind: str
    phase: str
    message: str
    template: str
    boundary: str
    children: tuple[str, ...]
    started: datetime | None
    finished: datetime | None
    retried: bool
    raw: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        return self.phase in NODE_ENDED

    def seconds(self, now: datetime) -> float | None:
        """How long it took, or has taken until now."""
        return _between(self.started, self.finished if self.ended else now)


@dataclass(frozen=True, slots=True)
class Run:
    """A workflow as its own page needs it. `problem` says why steps are missing, if they are."""

    name: str
    namespace: str
    uid: str
    phase: str
    message: str
    progress: str
    template: str
    created: datetime | None
    started: datetime | None
    finished: datetime | None
    suspended: bool
    shutdown: str
    pod_names: str
    nodes: Mapping[str, Node]
    problem: str

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

    @property
    def waiting(self) -> tuple[Node, ...]:
        """The Suspend steps that wait for somebody."""
        return tuple(n for n in self.nodes.values() if n.kind == "Suspend" and not n.ended)

    def seconds(self, now: datetime) -> float | None:
        """How long it took, or has taken until now."""
        return _between(self.started, self.finished if self.ended else now)


def read(workflow: Manifest) -> Run:
    """The workflow, understood."""
    meta, spec = _mapping(workflow.get("metadata")), _mapping(workflow.get("spec"))
    status = _mapping(workflow.get("status"))
    nodes, problem = _nodes_of(status)
    return Run(
        name=_text(meta.get("name")),
        namespace=_text(meta.get("namespace")),
        uid=_text(meta.get("uid")),
        phase=_text(status.get("phase")),
        message=_text(status.get("message")),
        progress=_text(status.get("progress")),
        template=_text(_mapping(spec.get("workflowTemplateRef")).get("name")),
        created=moment(meta.get("creationTimestamp")),
        started=moment(status.get("startedAt")),
        finished=moment(status.get("finishedAt")),
        suspended=spec.get("suspend") is True,
        shutdown=_text(spec.get("shutdown")),
        pod_names=_text(_mapping(meta.get("annotations")).get(POD_NAME_FORMAT)),
        nodes=nodes,
        problem=problem,
    )


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """As they started; what did not start comes last."""
    return sorted(
        nodes, key=lambda n: (n.started is None, n.started.timestamp() if n.started else 0, n.name)
    )


def pod_of(run: Run, node: Node) -> str:
    """The name of the pod that runs a step; '' for steps that have none. Argo's own rule."""
    if node.kind not in IN_A_POD:
        return ""
    if node.kind == "Container":  # one of several in the pod of the step above
        above = next((n for n in run.nodes.values() if node.id in n.children), None)
        return pod_of(run, above) if above and above.kind == "Pod" else ""
    if run.pod_names == "v1":
        return node.id if POD_NAME.fullmatch(node.id) else ""
    if node.name == run.name:
        return run.name
    prefix = f"{run.name}-{node.template}" if node.template else run.name
    return f"{prefix[: LONGEST_POD_NAME - HASH_LENGTH - 1]}-{fnv32a(node.name)}"


def fnv32a(text: str) -> int:
    """The 32-bit FNV-1a hash, of which Argo makes the names of pods."""
    found = 0x811C9DC5
    for byte in text.encode():
        found = ((found ^ byte) * 0x01000193) & 0xFFFFFFFF
    return found


def moment(value: object) -> datetime | None:
    """A time as Kubernetes writes it; None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    # What no clock can have said would go past the calendar's ends in another zone.
    return found if found.tzinfo and EARLIEST <= found.year <= LATEST else None


def _nodes_of(status: Mapping[str, Any]) -> tuple[dict[str, Node], str]:
    packed = status.get("compressedNodes")
    if isinstance(packed, str) and packed:
        found, problem = unpacked(packed)
    elif status.get("offloadNodeStatusVersion"):
        return {}, (
            "Its steps are kept in the database of its controller, not in the cluster: they can be "
            "seen in Argo's own server."
        )
    else:
        found, problem = _mapping(status.get("nodes")), ""
    if len(found) > MOST_NODES:
        return {}, f"It has {len(found):,} steps: more than {MOST_NODES:,} are not shown here."
    return {key: _node(key, each) for key, each in found.items() if isinstance(each, dict)}, problem


def unpacked(packed: str) -> tuple[Mapping[str, Any], str]:
    """The steps out of a compressed status (base64 of gzip of JSON), or why they cannot be read."""
    try:
        data = base64.b64decode(packed, validate=True)
        if not data.startswith(GZIP):
            return {}, "Its steps are compressed in a way that this version does not know."
        opened = zlib.decompressobj(wbits=31)
        text = opened.decompress(data, LARGEST_STATUS + 1)
        if len(text) > LARGEST_STATUS:
            return {}, "Its steps are more than 10 MiB: too many to show here."
        return _mapping(orjson.loads(text)), ""
    except (binascii.Error, zlib.error, orjson.JSONDecodeError):
        return {}, "Its compressed steps cannot be read: they are damaged."


def _node(key: str, raw: Mapping[str, Any]) -> Node:
    name = _text(raw.get("name")) or key
    children = raw.get("children")
    flags = _mapping(raw.get("nodeFlag"))
    return Node(
        id=key,
        name=name,
        label=_text(raw.get("displayName")) or name,
        kind=_text(raw.get("type")) or "Pod",
        phase=_text(raw.get("phase")) or "Pending",
        message=_text(raw.get("message")),
        template=_text(raw.get("templateName"))
        or _text(_mapping(raw.get("templateRef")).get("template")),
        boundary=_text(raw.get("boundaryID")),
        children=tuple(c for c in children if isinstance(c, str))
        if isinstance(children, list)
        else (),
        started=moment(raw.get("startedAt")),
        finished=moment(raw.get("finishedAt")),
        retried=flags.get("retried") is True,
        raw=raw,
    )


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else max(0.0, (end - start).total_seconds())


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
