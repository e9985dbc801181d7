"""What a provider's token says, believed only if it is signed, meant for us, fresh, and an answer to us."""

import logging
from collections.abc import Mapping
from typing import Any

import jwt
from django.conf import settings

from .errors import NoGroups, NotSignedOn
from .provider import published

logger = logging.getLogger(__name__)

Claims = Mapping[str, Any]
MUST_SAY = ["iss", "sub", "aud", "exp", "iat"]
LONGEST = 255  # of a subject: the standard's own limit


def believed(id_token: object, *, nonce: str | None) -> Claims:
    """The claims of an ID token. `nonce`: what we sent along; None for a refreshed token, which has none.

    Raises NotSignedOn for what may not be believed, ProviderAway where its keys cannot be read.
    """
    try:
        claims = _verified(str(id_token))
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as exc:
        logger.warning("an ID token is not of this time: %s", exc)
        raise NotSignedOn(
            "What your provider sent is not of this time: its clock and ours are more than "
            f"{settings.OIDC_CLOCK_SKEW} seconds apart. An admin of the platform sets them right."
        ) from exc
    except jwt.PyJWTError as exc:
        logger.warning("an ID token is not believed: %s: %s", type(exc).__name__, exc)
        raise _not_believed() from exc
    if nonce is not None and claims.get("nonce") != nonce:
        logger.warning(
            "an ID token answers another sign-in: its nonce is not the one that was sent"
        )
        raise _not_believed()
    if claims.get("azp", settings.OIDC_RP_CLIENT_ID) != settings.OIDC_RP_CLIENT_ID:
        logger.warning("an ID token is meant for another client: %.64r", claims.get("azp"))
        raise _not_believed()
    subject_of(claims)
    return claims


def subject_of(claims: Claims) -> str:
    """Who it is, by the provider's own and lasting word."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST or "\0" in subject:
        logger.warning("claims without a usable subject")
        raise _not_believed()
    return subject


def groups_in(*said: Claims) -> list[object]:
    """The groups, by the first of the claims that names them. Raises NoGroups where none does.

    An empty list is an answer. A claim that is missing is none: it may be a provider that was not set up
    to send it, or one that leaves it out for who has very many.
    """
    for claims in said:
        groups = claims.get(settings.OIDC_GROUPS_CLAIM)
        if isinstance(groups, list):
            return groups
        if isinstance(groups, str):
            return [groups]
    raise NoGroups(
        f"{settings.OIDC_NAME} said who you are, but nothing of your groups, so your teams are not known. An "
        f"admin of the platform has it send the claim {settings.OIDC_GROUPS_CLAIM}."
    )


def _verified(id_token: str) -> Claims:
    kid = jwt.get_unverified_header(id_token).get("kid", "")
    claims: Claims = jwt.decode(
        id_token,
        published.key(kid),
        algorithms=[settings.OIDC_RP_SIGN_ALGO],
        audience=settings.OIDC_RP_CLIENT_ID,
        issuer=settings.OIDC_ISSUER,
        leeway=settings.OIDC_CLOCK_SKEW,
        options={"require": MUST_SAY},
    )
    return claims


def _not_believed() -> NotSignedOn:
    return NotSignedOn(
        "What your provider sent cannot be believed, so you were not signed in. Try again; if it stays, tell "
        "an admin of the platform: the log says why."
    )
