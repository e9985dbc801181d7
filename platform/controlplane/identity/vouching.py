"""Whether the provider still vouches for whoever comes: asked at each request, answered from a row.

Who is here is asked about by the clock (`rechecking`); who comes back after a while, at the door.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from controlplane.hints import hinted

from .models import Grant, GrantState, User
from .returning import door, is_due
from .trust import Limits, Trust, sentence_for, trust_in

STALE = timedelta(
    seconds=45
)  # the clock was not at it: they were not here, or it has too much to do
SEEN_EVERY = timedelta(minutes=1)
TRIES = 3  # sign-ins of one person, where the newest are found to have ended
ENDED = "Your sign-in at the identity provider has ended: sign in again."


@dataclass(frozen=True)
class Standing:
    """How far somebody is let in; the sentence if it is not all the way; if only a sign-in helps."""

    trust: Trust
    sentence: str = ""
    over: bool = False


FULL = Standing(Trust.FULL)
OVER = Standing(Trust.OUT, ENDED, over=True)


def limits() -> Limits:
    """How old the provider's last yes may be, by the settings."""
    return Limits(settings.RECHECK_GRACE, settings.RECHECK_OUT)


def of_session(user: User, grant: object) -> Standing:
    """Of a browser: by the sign-in that its session came of, and no other."""
    if user.is_local:
        return FULL
    mine = grant_of(user, grant)
    if mine is None or mine.state != GrantState.GOOD or mine.signed_out_at is not None:
        return OVER
    found = _as_of_now(user, mine)
    return OVER if found is None else standing_of(found)


def of_token(user: User) -> Standing:
    """Of a call with a token: by any sign-in of the person's that the provider still vouches by."""
    if user.is_local:
        return FULL
    for _ in range(TRIES):
        newest = user.grants.good().order_by("-confirmed_at").first()
        if newest is None:
            break
        if (found := _as_of_now(user, newest)) is not None:
            return standing_of(found)
    return OVER


def standing_of(grant: Grant) -> Standing:
    """How far a sign-in lets in, by the age of the provider's last yes."""
    trust = trust_in(grant.confirmed_at, timezone.now(), limits())
    return Standing(trust, sentence_for(trust, grant.confirmed_at, limits()))


def _as_of_now(user: User, grant: Grant) -> Grant | None:
    """The grant, the provider asked first where the last time is long ago. None: it has ended."""
    _note_seen(grant)
    if not is_due(grant, stale=STALE):
        return grant
    door.ask_about(grant)
    # Its answer may have changed them: what follows in this request goes by that.
    user.refresh_from_db(fields=["claimed_groups", "is_active"])
    return user.grants.good().filter(pk=grant.pk).first()


def _note_seen(grant: Grant) -> None:
    """A hint to the clock: with a database that can only be read, people still read."""
    now = timezone.now()
    if grant.seen_at < now - SEEN_EVERY:
        with hinted():
            Grant.objects.filter(pk=grant.pk).update(seen_at=now)


def grant_of(user: User, said: object) -> Grant | None:
    """The sign-in that a session says it came of, if it is this person's."""
    try:
        pk = UUID(str(said))
    except ValueError:
        return None
    return user.grants.filter(pk=pk).first()
