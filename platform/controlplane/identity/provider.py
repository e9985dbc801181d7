"""What the identity provider publishes: where its doors are, and the keys it signs with.

Asked when it is needed and kept for some minutes. So the platform starts while the provider is away, and
keys may be changed there at any time: one that is not known is looked for anew.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
from django.conf import settings

from .errors import NotSignedOn, ProviderAway

logger = logging.getLogger(__name__)

KEPT_FOR = 600.0  # seconds: a key that was taken back there is not believed for longer here
WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where its doors are. It may have none to sign out by."""

    issuer: str
    authorization: str
    token: str
    userinfo: str
    jwks: str
    end_session: str = ""


class Published:
    """The newest that was read of one provider. Threads share it; two may read at once, to no harm."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._issuer = ""
        self._endpoints: Endpoints | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._endpoints_until = self._keys_until = 0.0

    def endpoints(self) -> Endpoints:
        """Its doors. Raises ProviderAway where it does not answer, NotSignedOn where it is another."""
        issuer = settings.OIDC_ISSUER
        with self._lock:
            kept = self._endpoints if self._issuer == issuer else None
            if kept is not None and self._clock() < self._endpoints_until:
                return kept
        found = _endpoints(issuer, fetched(issuer.rstrip("/") + WELL_KNOWN))
        with self._lock:
            if self._issuer != issuer:
                self._keys = {}
            self._issuer, self._endpoints = issuer, found
            self._endpoints_until = self._clock() + KEPT_FOR
        return found

    def key(self, kid: str) -> jwt.PyJWK:
        """The key of that name. It is asked anew for one that is not known: it may be its newest."""
        endpoints = self.endpoints()
        with self._lock:
            kept = self._keys.get(kid) if self._clock() < self._keys_until else None
        if kept is not None:
            return kept
        keys = _signing_keys(fetched(endpoints.jwks))
        if not kid and len(keys) == 1:
            return next(iter(keys.values()))  # with one key, a token need not say by which
        with self._lock:
            self._keys, self._keys_until = keys, self._clock() + KEPT_FOR
        if kid not in keys:
            logger.warning(
                "a token was signed with key %.64r, which the provider does not have", kid
            )
            raise NotSignedOn(
                "What your provider sent was signed with a key that it does not publish. Try again; if it "
                "stays, tell an admin of the platform."
            )
        return keys[kid]


published = Published()


def fetched(url: str, **headers: str) -> dict[str, Any]:
    """An object the provider answers with. Raises ProviderAway for everything else."""
    try:
        answer = httpx.get(
            url, headers=headers, timeout=settings.OIDC_TIMEOUT, verify=authorities()
        )
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError) as exc:
        raise away(exc) from exc
    if not isinstance(found, dict):
        raise away(TypeError(f"{url} answered no object"))
    return found


@cache
def authorities() -> ssl.SSLContext:
    """Read once: it takes as long as all else that a sign-in does here."""
    return httpx.create_ssl_context()


def away(why: Exception) -> ProviderAway:
    """What a person is told; what exactly was wrong is for the log."""
    # Not its text: an answer's body may be in it.
    status = getattr(getattr(why, "response", None), "status_code", "")
    logger.warning("the identity provider does not answer: %s %s", type(why).__name__, status)
    return ProviderAway(
        f"{settings.OIDC_NAME} does not answer, so it cannot say who you are. Try again in a minute; who has "
        "a local account can sign in with that."
    )


def _endpoints(issuer: str, said: dict[str, Any]) -> Endpoints:
    """Its doors; each must be as safe as the issuer, and its issuer ours: else it speaks for another."""
    if said.get("issuer") != issuer:
        logger.error("the provider at %s calls itself %.200r", issuer, said.get("issuer"))
        raise NotSignedOn(
            "The identity provider calls itself by another name than ARGOSY_OIDC_ISSUER. An admin of the "
            "platform sets it to exactly what the provider says."
        )
    names = {
        "authorization": "authorization_endpoint", "token": "token_endpoint",
        "userinfo": "userinfo_endpoint", "jwks": "jwks_uri", "end_session": "end_session_endpoint",
    }  # fmt: skip
    doors = {name: str(said.get(key) or "") for name, key in names.items()}
    safe = {"https"} | ({"http"} if urlsplit(issuer).scheme == "http" else set())
    bad = [key for name, key in names.items() if not _may_be(doors[name], safe, name)]
    if bad:
        logger.error("the provider at %s has no usable %s", issuer, ", ".join(bad))
        raise NotSignedOn(
            f"The identity provider does not publish {', '.join(bad)} as a safe address. An admin of the "
            "platform sees to its configuration."
        )
    return Endpoints(issuer=issuer, **doors)


def _may_be(url: str, schemes: set[str], name: str) -> bool:
    if not url:
        return name == "end_session"
    parts = urlsplit(url)
    return parts.scheme in schemes and bool(parts.hostname)


def _signing_keys(said: dict[str, Any]) -> dict[str, jwt.PyJWK]:
    """Its keys for signing, by name. One that we cannot read is not one that we need."""
    keys = {}
    for each in said.get("keys") or []:
        if each.get("use", "sig") != "sig":
            continue
        try:
            keys[str(each.get("kid", ""))] = jwt.PyJWK(each)
        except jwt.PyJWTError as exc:
            logger.info("a key of the provider cannot be read: %s", type(exc).__name__)
    return keys
