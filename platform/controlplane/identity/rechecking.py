"""Asking the provider again: about whom, one question each, and what its answers change.

A refresh token is used once: who asks claims the row first, and keeps the next token whatever the answer is.
Questions are asked in threads that touch no rows; rows are read and written by the one who calls.
"""

import logging
import random
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol

import httpx
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.sealing import CannotOpen

from . import grants, leaving, people
from .asking import Answer, No, Provider, Silence, Yes, ask
from .models import Grant, GrantQuerySet
from .provider import authorities

logger = logging.getLogger(__name__)

ACTIVE = timedelta(minutes=10)  # who was here within this is asked about by the clock
SECONDS = 3.0  # for one answer of the provider's
AT_ONCE = 32  # questions: a provider that takes two seconds still answers for 500 people in 31
A_ROUND = 2 * AT_ONCE
CLAIM = timedelta(seconds=40)  # longer than a round can take, each question being two calls at most
NEXT_TRY, LAST_TRY = timedelta(seconds=5), timedelta(seconds=30)
CANNOT_OPEN = "What the provider gave at this sign-in cannot be opened any more: sign in again."
NOTHING_TO_ASK_BY = "The provider gave nothing to ask again by."


_opening = threading.Lock()


class Clock(Protocol):
    """What time it is, asked again after each round."""

    def __call__(self) -> datetime: ...


@dataclass(frozen=True)
class Held:
    """A grant that is ours to ask about, until `stamp`."""

    grant: Grant
    stamp: datetime
    refresh_token: str


def go_round(
    provider: Provider, *, until: datetime, clock: Clock = timezone.now
) -> tuple[int, int]:
    """Ask about everybody who is due, round by round; how many were asked, and how many answers came.

    A round without any answer is the last one: a provider that is down is not knocked at by everybody.
    """
    asked = answered = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="recheck") as threads:
        while (now := clock()) < until and (held := claim(due(now), now, limit=A_ROUND)):
            answers = list(threads.map(lambda one: _answer(provider, one), held))
            heard = sum(not isinstance(answer, Silence) for answer in answers)
            settle(zip(held, answers, strict=True), now=clock())
            asked, answered = asked + len(held), answered + heard
            if not heard:
                break
    return asked, answered


def ask_now(provider: Provider, grant: Grant, *, clock: Clock = timezone.now) -> Answer | None:
    """Ask about one grant, now; None if somebody else is asking already, or it has ended."""
    for held in claim(Grant.objects.good().filter(pk=grant.pk), clock(), limit=1):
        answer = _answer(provider, held)
        settle([(held, answer)], now=clock())
        return answer
    return None


def due(now: datetime) -> GrantQuerySet:
    """Whose time has come, among those that are in use."""
    return Grant.objects.in_use(now, window=ACTIVE).filter(due_at__lte=now).order_by("due_at")


def claim(wanted: GrantQuerySet, now: datetime, *, limit: int) -> list[Held]:
    """Some of these, for nobody else to ask about meanwhile. What cannot be opened ends here."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    pks = list(wanted.filter(free).values_list("pk", flat=True)[:limit])
    if not pks:
        return []
    # Nobody else's stamp, so that who comes at the same moment sees which of the rows are theirs.
    stamp = now + CLAIM + timedelta(microseconds=random.randrange(1_000_000))  # noqa: S311
    Grant.objects.good().filter(free, pk__in=pks).update(claimed_until=stamp)
    held = []
    for grant in Grant.objects.filter(pk__in=pks, claimed_until=stamp).select_related("user"):
        try:
            held.append(Held(grant, stamp, grants.unsealed(grant)))
        except CannotOpen:
            grants.end(grant, sentence=CANNOT_OPEN, now=now)
    return held


def settle(answers: Iterable[tuple[Held, Answer]], *, now: datetime) -> None:
    """Keep what the provider said, and tell whoever must hear of it."""
    with transaction.atomic():
        for held, answer in answers:
            match answer:
                case Yes():
                    _confirmed(held, answer, now)
                case No():
                    logger.info("%s is vouched for no more: %s", held.grant.user, answer.sentence)
                    grants.end(held.grant, sentence=answer.sentence, now=now, stamp=held.stamp)
                case Silence():
                    _silent(held, answer, now)


def let_lapse(*, now: datetime, out: timedelta) -> int:
    """Those in use whose last yes is too old to count; how many there were.

    They are asked about all the same, and the next yes opens everything again.
    """
    wanted = Grant.objects.in_use(now, window=ACTIVE).filter(
        lapsed_at=None, confirmed_at__lt=now - out
    )
    found = list(wanted.select_related("user"))
    for grant in found:
        with transaction.atomic():
            before = leaving.groups_of(grant.user)
            Grant.objects.good().filter(pk=grant.pk).update(lapsed_at=now)
            leaving.announce(grant.user, before=before, after=leaving.groups_of(grant.user))
    return len(found)


def _confirmed(held: Held, answer: Yes, now: datetime) -> None:
    grant = held.grant
    before = leaving.groups_of(grant.user) if grant.lapsed_at else None
    kept = Grant.objects.good().filter(pk=grant.pk, claimed_until=held.stamp)
    if not kept.update(
        **_next_token(grant, answer.refresh_token),
        confirmed_at=now,
        checked_at=now,
        due_at=now + grants.pause(),
        claimed_until=None,
        lapsed_at=None,
        failures=0,
        sentence="",
    ):
        return  # it ended meanwhile, by the provider's own word or the person's
    people.bring_groups(grant.user, list(answer.groups))
    if before is not None:
        leaving.announce(grant.user, before=before, after=leaving.groups_of(grant.user))


def _silent(held: Held, answer: Silence, now: datetime) -> None:
    grant = held.grant
    failures = grant.failures + 1
    wait = min(NEXT_TRY * 2 ** min(grant.failures, 4), LAST_TRY)
    Grant.objects.good().filter(pk=grant.pk, claimed_until=held.stamp).update(
        **_next_token(grant, answer.refresh_token),
        checked_at=now,
        due_at=now + wait,
        claimed_until=None,
        failures=failures,
        sentence=answer.sentence[:300],
    )


def _next_token(grant: Grant, refresh_token: str) -> dict[str, str]:
    return {"sealed_token": grants.sealed(grant, refresh_token)} if refresh_token else {}


def _answer(provider: Provider, held: Held) -> Answer:
    """In a thread of its own: no rows are touched here."""
    if not held.refresh_token:
        return Silence(NOTHING_TO_ASK_BY)
    user = held.grant.user
    if user.issuer != provider.issuer:
        return No("This sign-in was made at another provider: sign in again.")
    return ask(provider, _client(), refresh_token=held.refresh_token, subject=user.subject)


def _client() -> httpx.Client:
    """One for all threads: a connection is opened once, and not for every question."""
    with _opening:  # or each thread of the first round would open one of its own
        return _opened_client()


@cache
def _opened_client() -> httpx.Client:
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    return httpx.Client(
        timeout=SECONDS, limits=limits, verify=authorities(), follow_redirects=False
    )
