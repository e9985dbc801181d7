"""Until when is a credential good? Read out of itself: its certificate's end, its token's `exp`."""

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from cryptography import x509

from .sealing import unseal


@lru_cache(maxsize=1024)
def ends_at(sealed: str) -> datetime | None:
    """When a sealed kubeconfig's credential ends; None if it does not say. Raises CannotOpen."""
    return end_of(orjson.loads(unseal(sealed)))


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
