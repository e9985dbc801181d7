"""What the index keeps of an object that a watch told of: pure, and whatever the object says.

Teams write these objects and a controller of theirs writes the status, so nothing in them is certain
beyond what an API server sets itself. What cannot be read is left empty; it never raises.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from controlplane.objects import Manifest

OURS = "argosy.dev/"
CRON_LABEL = "workflows.argoproj.io/cron-workflow"
QUOTA_NAME = "team-quota"  # charts/team-guardrails

FINISHED = frozenset({"Succeeded", "Failed", "Error"})
PROGRESS = re.compile(r"([0-9]{1,9})/([0-9]{1,9})", re.ASCII)
MEMORY_UNIT_MIB = 100  # Argo counts memory in seconds of 100 MiB

LONGEST_NAME = 253
LONGEST_PHASE = 20
LONGEST_MESSAGE = 500
LONGEST_UID = 64
LARGEST = 2**63 - 1
MOST_SECONDS = 2**31 - 1
MOST = 100  # of a list within an object
NODES_BYTES = 16 * 2**20  # of a status that was compressed: more of it is not looked at
GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class WorkflowEntry:
    """A workflow as its row has it; `namespace` is a name on its cluster."""

    namespace: str
    uid: str
    resource_version: int
    name: str
    created_at: datetime
    phase: str = ""
    suspended: bool = False
    message: str = ""
    template: str = ""
    cron: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    seconds: int | None = None
    steps_done: int = 0
    steps_total: int = 0
    cpu_seconds: int = 0
    memory_mib_seconds: int = 0
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class QuotaEntry:
    """A team's quota as its row has it; `namespace` is a name on its cluster."""

    namespace: str
    uid: str
    resource_version: int
    hard: dict[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CronEntry:
    """A CronWorkflow as its row has it; `namespace` is a name on its cluster."""

    namespace: str
    uid: str
    resource_version: int
    name: str
    manifest: Manifest = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnedEntry:
    """Who wrote an object of ours, each answer as a hash: a large cluster has a hundred thousand.

    `ours`: the fields we own; `applied`: when we last applied it; `theirs`: what others own of it that
    matters, 0 if nothing; `wish`: what we applied, as we ourselves marked it, 0 if that is not kept of it.
    `namespace` is the one it lives in, or is, or one of `places`.
    """

    namespace: str
    uid: str
    resource_version: int
    ours: int
    applied: int
    theirs: int
    wish: int = 0


Entry = WorkflowEntry | CronEntry | QuotaEntry | OwnedEntry


def workflow_of(manifest: Manifest) -> WorkflowEntry | None:
    """The entry of a Workflow; None for what no API server would send."""
    meta, spec, status = (_mapping(manifest.get(part)) for part in ("metadata", "spec", "status"))
    uid, name = _text(meta.get("uid"), LONGEST_UID), _text(meta.get("name"))
    created_at = _moment(meta.get("creationTimestamp"))
    if not uid or not name or created_at is None:
        return None
    labels = _texts(meta.get("labels"))
    done, total = _progress(status.get("progress"))
    used = _mapping(status.get("resourcesDuration"))
    phase = _text(status.get("phase"), LONGEST_PHASE)
    started_at, finished_at = _moment(status.get("startedAt")), _moment(status.get("finishedAt"))
    return WorkflowEntry(
        namespace=_text(meta.get("namespace")),
        uid=uid,
        resource_version=version_of(meta.get("resourceVersion")),
        name=name,
        created_at=created_at,
        phase=phase,
        suspended=phase not in FINISHED and _is_suspended(spec, status),
        message=_text(status.get("message"), LONGEST_MESSAGE),
        template=_text(_mapping(spec.get("workflowTemplateRef")).get("name")),
        cron=labels.get(CRON_LABEL, ""),
        started_at=started_at,
        finished_at=finished_at,
        seconds=_seconds(started_at, finished_at),
        steps_done=done,
        steps_total=total,
        cpu_seconds=_count(used.get("cpu")),
        memory_mib_seconds=min(_count(used.get("memory")) * MEMORY_UNIT_MIB, LARGEST),
        labels={key: value for key, value in labels.items() if not key.startswith(OURS)},
    )


def cron_of(manifest: Manifest) -> CronEntry | None:
    """The entry of a CronWorkflow; None for what no API server would send."""
    meta, spec, status = (_mapping(manifest.get(part)) for part in ("metadata", "spec", "status"))
    uid, name = _text(meta.get("uid"), LONGEST_UID), _text(meta.get("name"))
    if not uid or not name:
        return None
    reference = _mapping(_mapping(spec.get("workflowSpec")).get("workflowTemplateRef"))
    return CronEntry(
        namespace=_text(meta.get("namespace")),
        uid=uid,
        resource_version=version_of(meta.get("resourceVersion")),
        name=name,
        manifest={
            "metadata": {
                "name": name,
                "creationTimestamp": _text(meta.get("creationTimestamp")),
            },
            "spec": {
                "schedule": _text(spec.get("schedule")),
                "schedules": [_text(each) for each in _some(spec.get("schedules"))],
                "timezone": _text(spec.get("timezone")),
                "suspend": spec.get("suspend") is True,
                "concurrencyPolicy": _text(spec.get("concurrencyPolicy")),
                "workflowSpec": {
                    "workflowTemplateRef": {"name": _text(reference.get("name"))},
                },
            },
            "status": {
                "lastScheduledTime": _text(status.get("lastScheduledTime")),
                # How many is all that is told of them.
                "active": [{} for _ in _some(status.get("active"))],
                "conditions": [
                    {
                        "status": _text(each.get("status")),
                        "message": _text(each.get("message"), LONGEST_MESSAGE),
                    }
                    for each in map(_mapping, _some(status.get("conditions")))
                ],
            },
        },
    )


def quota_of(manifest: Manifest) -> QuotaEntry | None:
    """The entry of a team's ResourceQuota; None for another one, or what no API server would send."""
    meta, spec, status = (_mapping(manifest.get(part)) for part in ("metadata", "spec", "status"))
    uid = _text(meta.get("uid"), LONGEST_UID)
    if not uid or meta.get("name") != QUOTA_NAME:
        return None
    return QuotaEntry(
        namespace=_text(meta.get("namespace")),
        uid=uid,
        resource_version=version_of(meta.get("resourceVersion")),
        hard=_texts(status.get("hard")) or _texts(spec.get("hard")),  # not counted yet: as wished
        used=_texts(status.get("used")),
    )


def version_of(value: object) -> int:
    """A resourceVersion as the number it is in etcd, so that the newer of two can be told; else 0."""
    text = value if isinstance(value, str) else ""
    return min(int(text), LARGEST) if re.fullmatch(r"[0-9]{1,19}", text) else 0


def _is_suspended(spec: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Held by its own `suspend`, or by a step that waits for somebody to go on."""
    if spec.get("suspend") is True:
        return True
    nodes = _mapping(status.get("nodes")) or _unpacked(status.get("compressedNodes"))
    return any(
        node.get("type") == "Suspend" and node.get("phase") == "Running"
        for node in map(_mapping, nodes.values())
    )


def _unpacked(packed: object) -> Mapping[str, Any]:
    """Argo's nodes of a status that was too large for etcd: JSON, gzipped, base64."""
    if not isinstance(packed, str):
        return {}
    try:
        # Bounded: a megabyte of the right zeros would otherwise become a gigabyte.
        raw = zlib.decompressobj(GZIP).decompress(base64.b64decode(packed), NODES_BYTES)
        return _mapping(orjson.loads(raw))
    except (binascii.Error, ValueError, zlib.error):
        return {}


def _some(value: object) -> list[object]:
    """The first of a list, of which a team may have made any length."""
    return value[:MOST] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object, longest: int = LONGEST_NAME) -> str:
    """Text as a column takes it: PostgreSQL has no room for NUL."""
    return value.replace("\0", "")[:longest] if isinstance(value, str) else ""


def _texts(value: object) -> dict[str, str]:
    """A mapping of texts, such as labels or quantities, which YAML may have made numbers."""
    return {
        _text(str(key)): _text(str(inner))
        for key, inner in _mapping(value).items()
        if isinstance(inner, str | int | float) and not isinstance(inner, bool)
    }


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    """How long it took; None while it runs. A clock that was set back made it no shorter than nothing."""
    if start is None or end is None:
        return None
    return max(0, min(int((end - start).total_seconds()), MOST_SECONDS))


def _progress(value: object) -> tuple[int, int]:
    """Argo's `3/9` as done and total."""
    found = PROGRESS.fullmatch(value) if isinstance(value, str) else None
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _count(value: object) -> int:
    """A whole number of something: 0 for what is none."""
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return max(0, min(value, LARGEST))
