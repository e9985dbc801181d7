"""What Helm's own storage says of a release, read without starting helm.

Helm keeps one Secret a revision, `sh.helm.release.v1.<name>.v<revision>`, labelled with name, status and
version; the release itself is JSON, gzipped, base64, and base64 once more as every Secret's value.
"""

import base64
import binascii
import gzip
import zlib
from collections.abc import Iterable

import orjson

from controlplane.objects import Manifest
from controlplane.releases import DEPLOYED, LiveRelease


def newest_of(secrets: Iterable[Manifest]) -> dict[str, LiveRelease]:
    """The releases told by these storage Secrets, by name."""
    by_name: dict[str, list[Manifest]] = {}
    for secret in secrets:
        by_name.setdefault(secret["metadata"]["labels"]["name"], []).append(secret)
    return {name: _newest(name, revisions) for name, revisions in by_name.items()}


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
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        return str(orjson.loads(gzip.decompress(packed))["info"]["description"])
    except (KeyError, TypeError, ValueError, binascii.Error, EOFError, OSError, zlib.error):
        return ""
