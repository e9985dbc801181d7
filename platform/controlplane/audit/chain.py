"""A seal's digest: over the event, its place, and the digest before it. Values in, a word out."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

BEGINNING = "0" * 64  # what stands before the first seal

# What of an event is sealed: everything.
SEALED = (
    "pk", "at", "actor", "on_behalf_of", "through", "action", "target", "team", "outcome", "before",
    "after", "request_id", "address",
)  # fmt: skip


def digest(previous: str, *, number: int, sealed_at: datetime, event: Mapping[str, Any]) -> str:
    """The digest of the seal with this number over this event."""
    said = [previous, number, _written(sealed_at), [_written(event[name]) for name in SEALED]]
    # As text that every database gives back alike: the order of keys is none of theirs to keep.
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _written(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
