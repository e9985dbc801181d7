"""What a provider gave us at a sign-in, kept so that it can be asked again; and its end."""

import random
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from controlplane.sealing import seal, unseal

from . import leaving
from .models import Grant, GrantState, User

IN_SESSION = "argosy.grant"  # in the session of a browser: the sign-in that it came of
# Between two questions about somebody who is here. With the loop's pace it is never more than 30 s.
SOONEST, LATEST = timedelta(seconds=20), timedelta(seconds=26)
KEPT = timedelta(days=30)  # after its end, or after its person was last here
MOST = 20  # sign-ins of one person that are kept up; the oldest make room


@transaction.atomic
def keep(*, user: User, refresh_token: str, sid: str, now: datetime) -> Grant:
    """The grant of a sign-in that has just been made. Its `pk` goes into the session, as `IN_SESSION`.

    Another sign-in within one session at the provider takes the place of the one before.
    """
    before = leaving.groups_of(user)
    known = user.grants.good().filter(sid=sid).first() if sid else None
    grant = known or Grant(user=user, sid=sid, made_at=now)
    grant.sealed_token = sealed(grant, refresh_token)
    grant.confirmed_at = grant.checked_at = grant.seen_at = now
    grant.due_at = now + pause()
    grant.failures, grant.sentence = 0, ""
    grant.signed_out_at = grant.lapsed_at = grant.claimed_until = None
    grant.save()
    _make_room(user, now)
    leaving.announce(user, before=before, after=leaving.groups_of(user))
    return grant


def end(grant: Grant, *, sentence: str, now: datetime, stamp: datetime | None = None) -> None:
    """The provider vouches no more by this sign-in: its token is forgotten, its browser signed out.

    With the `stamp` of a claim only while that holds: a sign-in made meanwhile is not what was asked about.
    """
    with transaction.atomic():
        before = leaving.groups_of(grant.user)
        ending = Grant.objects.good().filter(pk=grant.pk)
        if stamp is not None:
            ending = ending.filter(claimed_until=stamp)
        if ending.update(
            state=GrantState.ENDED,
            sealed_token="",
            signed_out_at=now,
            checked_at=now,
            claimed_until=None,
            sentence=sentence[:300],
        ):
            leaving.announce(grant.user, before=before, after=leaving.groups_of(grant.user))


def sign_out(grant: Grant, *, now: datetime) -> None:
    """The browser's session is over. The provider is asked at once whether its own is, too."""
    Grant.objects.filter(pk=grant.pk, signed_out_at=None).update(signed_out_at=now, due_at=now)


def needed(user: User, *, until: datetime) -> None:
    """Go on asking about this person until then: they hold something that works without coming by us.

    A kubeconfig does: without this, who left their group would keep it for as long as it is good.
    """
    later = Q(needed_until=None) | Q(needed_until__lt=until)
    user.grants.good().filter(later).update(needed_until=until)


def forget(now: datetime) -> int:
    """Drop what is of no use any more; how many there were."""
    old = Q(state=GrantState.ENDED, checked_at__lt=now - KEPT) | Q(seen_at__lt=now - KEPT)
    return Grant.objects.filter(old).delete()[0]


def sealed(grant: Grant, refresh_token: str) -> str:
    """A refresh token as it rests in this grant's row; nothing for a provider that gives none."""
    return seal(refresh_token.encode(), of=_whose(grant)) if refresh_token else ""


def unsealed(grant: Grant) -> str:
    """The refresh token; empty where there is none. Raises CannotOpen."""
    return unseal(grant.sealed_token, of=_whose(grant)).decode() if grant.sealed_token else ""


def pause() -> timedelta:
    """Until the next question, a little different each time: 500 sign-ins at nine are no crowd for ever."""
    return SOONEST + random.random() * (LATEST - SOONEST)  # noqa: S311 - it is no secret


def _whose(grant: Grant) -> str:
    return f"identity_grant:{grant.pk}:refresh_token"


def _make_room(user: User, now: datetime) -> None:
    newest = user.grants.good().order_by("-seen_at").values_list("pk", flat=True)
    for grant in user.grants.good().filter(pk__in=list(newest[MOST:])):
        end(grant, sentence="Newer sign-ins took its place.", now=now)
