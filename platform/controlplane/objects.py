"""What a Kubernetes object is to us: a plain dict, and the reference that names it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

Manifest = dict[str, Any]

FINGERPRINT = "argosy.dev/fingerprint"  # the annotation with the hash of what we wrote


@dataclass(frozen=True, order=True)
class Ref:
    """Which object: enough to build its URL. `namespace` is empty for cluster-scoped kinds."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind} {self.name}{where}"


def ref_of(manifest: Mapping[str, Any]) -> Ref:
    """The reference of a manifest that states its kind, as ours all do."""
    meta = manifest["metadata"]
    return Ref(
        manifest["apiVersion"], manifest["kind"], meta.get("namespace") or "", meta.get("name", "")
    )


def fingerprint(value: object) -> str:
    """A short, stable hash of plain data: equal for equal content, whatever the order of keys."""
    try:
        written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half a character, or a number of more than 64 bits: others write those
        written = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(written).hexdigest()[:32]


def stamped(manifest: Manifest) -> Manifest:
    """With the fingerprint of all that we want of it: a drift is told from a newer wish by that."""
    meta = manifest["metadata"]
    notes = {**(meta.get("annotations") or {}), FINGERPRINT: fingerprint(manifest)}
    return {**manifest, "metadata": {**meta, "annotations": notes}}
