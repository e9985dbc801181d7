"""Whether somebody else changed an object of ours: told from its metadata alone, whatever it is.

A server-side apply leaves its time in `managedFields`; whoever writes over a field takes it out of our entry
there or has an entry of their own, and our time stays as it was. Who applies under our own name is not told
from us here: the thorough look finds that.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from controlplane.objects import FINGERPRINT, Manifest
from provisioning.drift import foreign_entries, is_trusted

from .entries import OwnedEntry, version_of
from .places import WHOLE, place_of


def owned_of(manifest: Manifest, *, manager: str) -> OwnedEntry | None:
    """The entry of an object that `manager` of ours applies; None for what no API server would send."""
    meta = manifest["metadata"]
    uid, place = meta.get("uid"), place_of(manifest)
    if not isinstance(uid, str) or place is None:
        return None
    mine = [
        entry
        for entry in meta.get("managedFields") or ()
        if is_trusted(entry, manager=manager) and entry.get("subresource") != "status"
    ]
    return OwnedEntry(
        namespace=sys.intern(place),  # one text for all that live there
        uid=uid,
        resource_version=version_of(meta.get("resourceVersion")),
        ours=_hash([entry.get("fieldsV1") for entry in mine]),
        applied=_hash([entry.get("time") for entry in mine]),
        theirs=_hash(foreign_entries(manifest, manager=manager)),
        # Namespaces' objects are a hundred thousand, and applied once a turn.
        wish=_wish(meta, mine) if place in WHOLE else 0,
    )


def is_tampered(before: OwnedEntry | None, now: OwnedEntry) -> bool:
    """True if this one write was somebody else's, and the object is not as we left it."""
    if before is None:
        return now.theirs != 0
    if now.applied != before.applied:
        return False  # our own apply; what was left of others, its next write takes away
    if now.theirs:
        return now.theirs != before.theirs
    # Times are of seconds: a delivery widens what is routed, and narrows it again, within one.
    return now.ours != before.ours and now.wish in {0, before.wish}


def is_other(before: OwnedEntry | None, now: OwnedEntry) -> bool:
    """True if any of the writes in between, none of which was seen, may have been somebody else's."""
    if before is None:
        return now.theirs != 0
    return (before.ours, before.applied, before.theirs) != (now.ours, now.applied, now.theirs)


def _wish(meta: Manifest, mine: Sequence[Mapping[str, Any]]) -> int:
    """Our mark on it; none where it is not ours any more, for then somebody wrote it."""
    noted = [(e.get("fieldsV1") or {}).get("f:metadata", {}).get("f:annotations", {}) for e in mine]
    if not any(f"f:{FINGERPRINT}" in each for each in noted):
        return 0
    return _hash([(meta.get("annotations") or {}).get(FINGERPRINT)])


def _hash(parts: list[Any]) -> int:
    return hash(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)) or 1 if parts else 0
