"""What Helm's own storage says of a release, read without starting helm.

Helm keeps one Secret a revision, `sh.helm.release.v1.<name>.v<revision>`, labelled with name, status and
version; the release itself is JSON, gzipped, base64, and base64 once more as every Secret's value.
"""

import base64
import binascii
import gzip
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from controlplane.objects import Manifest
from controlplane.releases import DEPLOYED, LiveRelease


def newest_of(secrets: Iterable[Manifest]) -> dict[str, LiveRelease]:
    """The releases told by these storage Secrets, by name."""
    by_name: dict[str, list[Manifest]] = {}
    for secret in secrets:
        by_name.setdefault(secret["metadata"]["labels"]["name"], []).append(secret)
    return {name: _newest(name, revisions) for name, revisions in by_name.items()}


@dataclass(frozen=True)
class Revision:
    """One revision of a release: how it stands, and the values it was given. Nothing of its objects."""

    number: int
    status: str
    values: Mapping[str, Any]


def revisions_of(secrets: Iterable[Manifest], name: str) -> tuple[Revision, ...]:
    """A release's revisions, newest first. One whose record cannot be read has no values."""
    mine = [secret for secret in secrets if secret["metadata"]["labels"]["name"] == name]
    return tuple(
        Revision(
            number=_revision(secret),
            status=secret["metadata"]["labels"].get("status", "unknown"),
            values=_record(secret).get("config") or {},
        )
        for secret in sorted(mine, key=_revision, reverse=True)
    )


def _newest(name: str, secrets: list[Manifest]) -> LiveRelease:
    ordered = sorted(secrets, key=_revision)
    newest = ordered[-1]
    labels = newest["metadata"]["labels"]
    description = _description(newest)
    fingerprint, _, message = description.partition(" ")
    return LiveRelease(
        name=name,
        namespace=newest["metadata"]["namespace"],
        revision=_revision(newest),
        status=labels.get("status", "unknown"),
        fingerprint=fingerprint,
        message=message if labels.get("status") == DEPLOYED else description,
        deployed_revision=max(
            (_revision(s) for s in ordered if s["metadata"]["labels"].get("status") == DEPLOYED),
            default=0,
        ),
        record=newest["metadata"]["name"],
    )


def _revision(secret: Manifest) -> int:
    return int(secret["metadata"]["labels"]["version"])


def _description(secret: Manifest) -> str:
    """The release's `info.description`; '' if the record cannot be read (then we upgrade again)."""
    try:
        return str(_record(secret)["info"]["description"])
    except (KeyError, TypeError):
        return ""


def _record(secret: Manifest) -> dict[str, Any]:
    """What helm wrote of a revision; nothing if it cannot be read."""
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        record = orjson.loads(gzip.decompress(packed))
    except (KeyError, TypeError, ValueError, binascii.Error, EOFError, OSError, zlib.error):
        return {}
    return record if isinstance(record, dict) else {}
