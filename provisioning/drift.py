"""Whether a live object is still what we applied, to the field.

Comparing wanted fields with live ones cannot tell: an empty selector that somebody narrowed still covers
ours, and `1000m` is stored as `1`. So two ways, both exact. *Quick*: our fingerprint is on it, every
field we wrote is still there, and `managedFields` names nobody else outside status and bookkeeping.
*Thorough*: the API server's own answer to a dry run of our apply equals what is there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.objects import Manifest

OURS = "argosy"
HELMS = "helm"
EMPTY: tuple[Any, ...] = (None, {}, [], "")  # what the API server may leave out; not False, nor 0
SERVER_KEPT = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


def is_drifted(live: Manifest, wanted: Manifest, *, manager: str, answer: Manifest | None) -> bool:
    """True if our apply, or the removal of somebody's fields, would change the object."""
    if not _carries(live, wanted) or foreign_entries(live, manager=manager):
        return True
    return answer is not None and _content(answer) != _content(live)


def foreign_entries(live: Manifest, *, manager: str) -> list[Mapping[str, Any]]:
    """The managedFields entries of others that own anything that matters.

    An Update under our own name counts as foreign: we only ever apply.
    """
    return [
        entry
        for entry in live["metadata"].get("managedFields") or ()
        if not is_trusted(entry, manager=manager) and any(_matters(entry, live["kind"]))
    ]


def is_trusted(entry: Mapping[str, Any], *, manager: str) -> bool:
    """True for our own applies, and for controllers that only report (the status subresource)."""
    if entry.get("subresource") == "status":
        return True
    return entry.get("manager") == manager and entry.get("operation") == "Apply"


def _matters(entry: Mapping[str, Any], kind: str) -> Iterator[str]:
    """The fields of an entry that are the object's own: not status, not metadata.

    Others may label and annotate what is ours; our own labels and annotations are compared by value. What is
    in a Secret of ours, Kubernetes writes.
    """
    others = {"f:status", "f:metadata"} | ({"f:data"} if kind == "Secret" else set())
    for path in entry.get("fieldsV1") or {}:
        if path not in others:
            yield path


def _carries(live: Manifest, wanted: Manifest) -> bool:
    """True if our labels and annotations hold, and no field that we wrote was taken away."""
    have, want = live["metadata"], wanted["metadata"]
    for part in ("labels", "annotations"):
        held = have.get(part) or {}
        if any(held.get(key) != value for key, value in (want.get(part) or {}).items()):
            return False
    body = {k: v for k, v in wanted.items() if k not in {"metadata", "apiVersion", "kind"}}
    return _has_shape(live, body)


def _has_shape(live: Any, wanted: Any) -> bool:
    """True if every path of `wanted` exists in `live`; scalars are not compared (see the top).

    A field removed by somebody leaves no owner behind, so managedFields alone would not show it.
    """
    if wanted in EMPTY:
        return True
    match live, wanted:
        case dict(), dict():
            return all(
                key in live and _has_shape(live[key], v)
                for key, v in wanted.items()
                if v not in EMPTY
            )
        case list(), list():
            return len(live) == len(wanted) and all(map(_has_shape, live, wanted))
        case (dict() | list(), _) | (_, dict() | list()):
            return False
    return True


def _content(manifest: Manifest) -> Manifest:
    """An object without what the API server keeps about it, and without its status."""
    meta = {k: v for k, v in manifest["metadata"].items() if k not in SERVER_KEPT}
    return {**{k: v for k, v in manifest.items() if k != "status"}, "metadata": meta}
