"""A cluster's credential: how it rests in its row, and until when it is good, which it says of itself."""

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from cryptography import x509

from controlplane.sealing import seal, unseal

from .models import Cluster


def sealed(config: dict[str, Any], name: str) -> str:
    """A checked kubeconfig as the row of the cluster of this name keeps it: no other row can use it."""
    return seal(orjson.dumps(config), of=identity(name))


def opened(cluster: Cluster) -> dict[str, Any]:
    """The cluster's kubeconfig. Raises CannotOpen."""
    config: dict[str, Any] = orjson.loads(
        unseal(cluster.sealed_kubeconfig, of=identity(cluster.name))
    )
    return config


def identity(name: str) -> str:
    """Whose the sealed kubeconfig is: a cluster's name never changes, and no two have the same."""
    return f"clusters.Cluster:{name}:sealed_kubeconfig"


def ends_at(cluster: Cluster) -> datetime | None:
    """When the cluster's credential ends; None if it does not say. Raises CannotOpen."""
    return _end_of_sealed(cluster.sealed_kubeconfig, identity(cluster.name))


@lru_cache(maxsize=1024)
def _end_of_sealed(text: str, of: str) -> datetime | None:
    return end_of(orjson.loads(unseal(text, of=of)))


def end_of(config: dict[str, Any]) -> datetime | None:
    """The earliest end of what a checked kubeconfig holds: with either of them gone we are nobody."""
    user = config["users"][0]["user"]
    return min(_ends(user), default=None)


def _ends(user: dict[str, Any]) -> Iterator[datetime]:
    if certificate := user.get("client-certificate-data"):
        pem = base64.b64decode(certificate)
        yield x509.load_pem_x509_certificate(pem).not_valid_after_utc
    if (said := _claims(user.get("token") or "").get("exp")) is not None:
        try:
            yield datetime.fromtimestamp(float(said), UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            return


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says of itself, unverified: it is our own. Any other token says nothing."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - head, claims, signature
        return {}
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
