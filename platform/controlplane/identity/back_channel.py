"""The provider's own word that somebody's session there is over (OpenID Connect Back-Channel Logout 1.0).

It is a signed token, sent to us and not through a browser. The sessions here that came of that one end at
once; whether the provider still vouches for the person, by what else it gave, it is asked right after.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from django.conf import settings
from django.db.models import Q

from .errors import NotSignedOn, ProviderAway
from .models import Grant
from .provider import published

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MUST_SAY = ["iss", "aud", "iat", "jti", "events"]
OLDEST = timedelta(minutes=5)
LONGEST = 20_000  # characters of a token


class NotBelieved(Exception):
    """It is no logout token of our provider's for us; the sentence says what is wrong with it."""


@dataclass(frozen=True)
class SaidOver:
    """Which session, or whose sessions, and when that was said."""

    sid: str
    subject: str
    at: datetime


def believed(token: str, *, now: datetime) -> SaidOver:
    """What a logout token says. Raises NotBelieved; ProviderAway where its keys cannot be read."""
    if len(token) > LONGEST:
        raise NotBelieved("It is too long.")
    try:
        claims = jwt.decode(
            token,
            published.key(str(jwt.get_unverified_header(token).get("kid", ""))),
            algorithms=[settings.OIDC_RP_SIGN_ALGO],
            audience=settings.OIDC_RP_CLIENT_ID,
            issuer=settings.OIDC_ISSUER,
            leeway=settings.OIDC_CLOCK_SKEW,
            options={"require": MUST_SAY},
        )
    except ProviderAway:
        raise
    except (jwt.PyJWTError, NotSignedOn) as exc:
        raise NotBelieved(f"It is not signed, or not for us: {type(exc).__name__}.") from exc
    events, sid, subject = claims["events"], claims.get("sid", ""), claims.get("sub", "")
    if not isinstance(events, dict) or EVENT not in events or "nonce" in claims:
        raise NotBelieved("It is another kind of token.")
    if not all(isinstance(one, str) for one in (sid, subject)) or not (sid or subject):
        raise NotBelieved("It names neither a session nor a person.")
    at = datetime.fromtimestamp(int(claims["iat"]), UTC)
    if at < now - OLDEST:
        raise NotBelieved("It is too old.")
    return SaidOver(sid, subject, at)


def end(said: SaidOver, *, now: datetime) -> int:
    """The sessions here that it is about are over; how many there were.

    Those that began after it was said are others: the same token, sent again, ends nothing more.
    """
    until = min(now, said.at + timedelta(seconds=settings.OIDC_CLOCK_SKEW))
    which = Q(user__issuer=settings.OIDC_ISSUER, made_at__lte=until)
    if said.sid:
        which &= Q(sid=said.sid)
    if said.subject:
        which &= Q(user__subject=said.subject)
    return Grant.objects.filter(which, signed_out_at=None).update(signed_out_at=now, due_at=now)
