"""API tokens: made once, shown once, kept as a hash, checked on every call."""

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from controlplane.audit import record

from .models import ApiToken, User

PREFIX = "argosy_"  # so that secret scanners and people recognise one
USED_EVERY = timedelta(minutes=1)  # last_used_at is a hint; not one write a call


@transaction.atomic
def issue(*, user: User, name: str, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """A new token and its plain text, which is never to be had again."""
    plain = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        name=name,
        digest=_digest(plain),
        hint=plain[: len(PREFIX) + 4],
        expires_at=expires_at,
    )
    token.full_clean(exclude=["digest", "hint"])
    token.save()
    record("token.issued", target=_named(token), after={"expires_at": _shown(expires_at)})
    return token, plain


@transaction.atomic
def revoke(tokens: Iterable[ApiToken]) -> int:
    """These end at once; gives how many there were."""
    there = ApiToken.objects.select_related("user").filter(pk__in=[token.pk for token in tokens])
    ended = list(there.select_for_update(of=("self",)))
    for token in ended:
        record("token.revoked", target=_named(token))
    ApiToken.objects.filter(pk__in=[token.pk for token in ended]).delete()
    return len(ended)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer argosy_…`."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, plain = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        # The hash is looked up, so there is nothing to compare in constant time.
        token = ApiToken.objects.select_related("user").filter(digest=_digest(plain)).first()
        if token is None or not token.user.is_active:
            raise AuthenticationFailed("This token is not known; make a new one.")
        if token.expires_at is not None and token.expires_at <= now:
            raise AuthenticationFailed("This token has expired; make a new one.")
        if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
            # A hint: with a database that can only be read, people still read.
            with suppress(OperationalError):
                ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Answer 401, not 403, to who brings nothing."""
        return "Bearer"


def _named(token: ApiToken) -> str:
    return f"token {token} of {token.user.get_username()}"


def _shown(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")


def _digest(plain: str) -> str:
    """256 random bits need no slow hash: there is nothing to guess."""
    return hashlib.sha256(plain.encode()).hexdigest()
