"""Signing in by the provider: its code for a token, the token for a person.

mozilla-django-oidc carries the flow: state, nonce, PKCE, the exchange. What a token must be to be believed,
and who is meant by it, is ours (`claims`, `people`): the library checks neither issuer nor audience, matches
people by e-mail, and lets in who was switched off.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import requests
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from . import claims, people
from .errors import NotSignedOn
from .models import User
from .provider import away, fetched, published

logger = logging.getLogger(__name__)

ANSWERS = "argosy.signed_on"  # in the request: what the provider gave beside the person
UNAUTHORIZED, REFUSED = 401, range(400, 500)


@dataclass(frozen=True)
class SignedOn:
    """What is needed to ask the provider again about who just came in."""

    user: User
    refresh_token: str = field(repr=False)
    sid: str
    now: datetime


class ProviderSignOn(OIDCAuthenticationBackend):  # type: ignore[misc]  # the library ships no types
    """People whom the provider vouches for. Refusals are raised, each with its sentence."""

    def __init__(self) -> None:
        # Made anew for each request of who is signed in: nothing may be asked of the provider here.
        self.OIDC_RP_CLIENT_ID = settings.OIDC_RP_CLIENT_ID
        self.OIDC_RP_CLIENT_SECRET = settings.OIDC_RP_CLIENT_SECRET
        self._answer: dict[str, Any] = {}

    @cached_property
    def OIDC_OP_TOKEN_ENDPOINT(self) -> str:  # noqa: N802 - the library's name
        return published.endpoints().token

    def get_token(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The code for tokens. What else than tokens comes back is for the log alone."""
        try:
            answer = super().get_token(payload)
        except requests.RequestException as exc:
            raise _refusal(exc) from exc
        self._answer = answer if isinstance(answer, dict) else {}
        return self._answer

    def verify_token(self, token: object, **kwargs: Any) -> claims.Claims:
        """With the nonce that was sent, whatever the library's settings say."""
        return claims.believed(token, nonce=str(kwargs.get("nonce") or ""))

    def get_or_create_user(
        self,
        access_token: str,
        id_token: str,  # noqa: ARG002 - the library's signature
        payload: claims.Claims,
    ) -> User:
        """The person; the rest of the answer stays with the request, for who asks again later."""
        more = self._more(access_token, payload)
        user = people.recognise(
            {**more, **payload},
            issuer=settings.OIDC_ISSUER,
            groups=claims.groups_in(payload, more),
        )
        if not user.is_active:
            raise NotSignedOn(
                f"The account {user.username} is switched off here. An admin of the platform can switch it "
                "on again."
            )
        self.request.META[ANSWERS] = SignedOn(
            user, str(self._answer.get("refresh_token") or ""), str(payload.get("sid") or ""),
            timezone.now(),
        )  # fmt: skip
        return user

    def get_user(self, user_id: Any) -> User | None:
        """Who a session is of: only while they are switched on, and of the provider that is ours."""
        user = User.objects.filter(pk=user_id, is_active=True).first()
        ours = user is not None and not user.is_local and user.issuer == settings.OIDC_ISSUER
        return user if ours else None

    def _more(self, access_token: str, payload: claims.Claims) -> claims.Claims:
        """What is asked of its userinfo: nothing, where the token says the groups."""
        if settings.OIDC_GROUPS_CLAIM in payload:
            return {}
        url = published.endpoints().userinfo
        more = fetched(url, Authorization=f"Bearer {access_token}")
        if more.get("sub") != payload["sub"]:
            raise NotSignedOn(
                "Your provider told of another person than the one who signed in. Try again; if it stays, "
                "tell an admin of the platform."
            )
        return more


def signed_on(request: HttpRequest) -> SignedOn | None:
    """What the provider gave in this request, if somebody signed in by it."""
    found = request.META.get(ANSWERS)
    return found if isinstance(found, SignedOn) else None


def _refusal(exc: requests.RequestException) -> NotSignedOn:
    """Why there was no token for the code."""
    status = exc.response.status_code if exc.response is not None else None
    if status == UNAUTHORIZED:
        logger.error("the provider does not take ARGOSY_OIDC_CLIENT_ID with its secret")
        return NotSignedOn(
            f"{settings.OIDC_NAME} does not know this platform by the secret it was given. An admin of the "
            "platform sets ARGOSY_OIDC_CLIENT_SECRET anew."
        )
    if status in REFUSED:
        logger.warning("the provider did not take its code back: %s", status)
        return NotSignedOn(
            f"{settings.OIDC_NAME} did not take back the code that it sent you with: it is used once, and "
            "soon. Sign in anew; if it stays, tell an admin of the platform."
        )
    return away(exc)
