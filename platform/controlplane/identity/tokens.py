"""API tokens: made once, shown once, kept as a hash, checked on every call."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from controlplane.audit import record
from controlplane.hints import hinted

from . import vouching
from .guessing import wrong_tokens
from .models import ApiToken, User
from .scopes import SAFE, Scope, may, needed, sentence_for
from .trust import Trust

PREFIX = "argosy_"  # so that secret scanners and people recognise one
USED_EVERY = timedelta(minutes=1)  # last_used_at is a hint; not one write a call
ALL = tuple(Scope)


@transaction.atomic
def issue(
    *,
    user: User,
    name: str,
    expires_at: datetime | None = None,
    scopes: Sequence[Scope] = ALL,
    made_by: User | None = None,
) -> tuple[ApiToken, str]:
    """A new token and its plain text, which is never to be had again."""
    plain = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        made_by=made_by,
        name=name,
        scopes=[str(scope) for scope in scopes],
        digest=_digest(plain),
        hint=plain[: len(PREFIX) + 4],
        expires_at=expires_at,
    )
    token.full_clean(exclude=["digest", "hint"])
    token.save()
    record(
        "token.issued",
        target=_named(token),
        after={"expires_at": _shown(expires_at), "scopes": token.scopes},
    )
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
    """`Authorization: Bearer argosy_…`.

    The only door a token comes in by: whether its person is still vouched for, and whether its scopes
    cover the call, is asked here, so that no view can forget to.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, plain = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = _known(request, plain)
        _check_standing(request, token.user)
        wanted = needed(str(request.method), _declared(request))
        if not may(token.scopes, wanted):
            raise PermissionDenied(sentence_for(wanted))
        _note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Answer 401, not 403, to who brings nothing."""
        return "Bearer"


def _known(request: Request, plain: str) -> ApiToken:
    # The hash is looked up, so there is nothing to compare in constant time. There is one of it at most: to
    # have the database sort would be a fifth of what this costs, which is the making of the question.
    there = ApiToken.objects.select_related("user").order_by()
    token = next(iter(there.filter(digest=_digest(plain))), None)
    if token is None or not token.user.is_active:
        address = str(request.META.get("REMOTE_ADDR", ""))
        if wait := wrong_tokens.wait_for(address):
            raise Throttled(wait, "Too many tokens from your address that are not known.")
        wrong_tokens.count(address)
        raise AuthenticationFailed("This token is not known; make a new one.")
    if token.expires_at is not None and token.expires_at <= timezone.now():
        raise AuthenticationFailed("This token has expired; make a new one.")
    return token


def _check_standing(request: Request, user: User) -> None:
    """Whom the provider let in, it may put out: then their tokens are no way around it."""
    standing = vouching.of_token(user)
    if standing.trust is Trust.OUT:
        raise AuthenticationFailed(standing.sentence)
    if standing.trust is Trust.READ_ONLY and request.method not in SAFE:
        raise PermissionDenied(standing.sentence)


def _declared(request: Request) -> Scope | None:
    """The scope that a view says this call needs: `token_scopes`, by action, or by method."""
    view = (getattr(request, "parser_context", None) or {}).get("view")
    said: dict[str, Scope] = getattr(view, "token_scopes", {})
    return said.get(getattr(view, "action", None) or str(request.method).lower())


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        # A hint: with a database that can only be read, people still read.
        with hinted():
            # Narrowed by what was read: of a hundred calls at once one writes.
            unused = ApiToken.objects.filter(pk=token.pk, last_used_at=token.last_used_at)
            unused.update(last_used_at=now)


def _named(token: ApiToken) -> str:
    return f"token {token} of {token.user.get_username()}"


def _shown(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")


def _digest(plain: str) -> str:
    """256 random bits need no slow hash: there is nothing to guess."""
    return hashlib.sha256(plain.encode()).hexdigest()
