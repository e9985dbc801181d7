"""Is what was recorded still what was sealed? Every seal is worked out anew, and held to known heads."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection

from . import chain, guarding, sealing
from .heads import Head
from .models import Event, Seal

BATCH = 1000
ONE_ROLE = (
    "The role we come to the database by could take the guard off and change records. Have another role "
    "own the tables and run `argosy migrate`, with ARGOSY_DATABASE_ROLE naming this one."
)
PATIENCE = timedelta(minutes=10)  # longer than this nothing stays unsealed while the platform runs


@dataclass(frozen=True)
class Found:
    """What a look through the whole chain found. Whole only if nothing is wrong."""

    seals: int
    waiting: int
    head: Head | None
    wrong: tuple[str, ...]
    notes: tuple[str, ...] = ()  # what is not wrong by itself, and good to know


def verify(heads: Iterable[Head] = (), *, now: datetime) -> Found:
    """Look at every seal and its event, once, in order."""
    told = {head.number: head.digest for head in heads}
    wrong: list[str] = []
    last = Head(0, chain.BEGINNING)
    for seal, event in _pairs():
        wrong += _wrong_with(seal, event, last)
        if told.get(seal.number, seal.digest) != seal.digest:
            wrong.append(
                f"Seal {seal.number} is another one than was told elsewhere: the chain was rewritten."
            )
        last = Head(seal.number, seal.digest, seal.sealed_at)
    if (highest := max(told, default=0)) > last.number:
        wrong.append(
            f"Seal {highest} was told elsewhere and is not there: the chain was cut off after seal "
            f"{last.number}."
        )
    late = sealing.unsealed(thorough=True)
    if old := late.filter(at__lt=now - PATIENCE).count():
        wrong.append(
            f"{old} events are older than 10 minutes and not sealed: is the worker running?"
        )
    if off := guarding.missing(connection):
        wrong.append(
            f"The database would not refuse a change: {', '.join(off)} is off. Somebody took it off; "
            "`argosy migrate` puts it on."
        )
    return Found(last.number, late.count(), last if last.number else None, tuple(wrong), _notes())


def _notes() -> tuple[str, ...]:
    if connection.vendor == "postgresql" and guarding.may_change(connection):
        return (ONE_ROLE,)
    return ()


def _pairs() -> Iterator[tuple[Seal, dict[str, Any] | None]]:
    seals = Seal.objects.order_by("number").iterator(chunk_size=BATCH)
    while some := list(islice(seals, BATCH)):
        wanted = Event.objects.filter(pk__in=[seal.event for seal in some]).order_by()
        events = {event["pk"]: event for event in wanted.values(*chain.SEALED)}
        for seal in some:
            yield seal, events.get(seal.event)


def _wrong_with(seal: Seal, event: dict[str, Any] | None, last: Head) -> Iterator[str]:
    """What is wrong here. What comes after is held to what is written here: one change is one line."""
    if seal.number != last.number + 1:
        yield f"Seals {last.number + 1} to {seal.number - 1} are not there."
        return  # what it was worked out from is gone with them
    if event is None:
        yield f"Event {seal.event}, sealed as {seal.number}, is not there."
        return
    wanted = chain.digest(last.digest, number=seal.number, sealed_at=seal.sealed_at, event=event)
    if wanted != seal.digest:
        yield f"Event {seal.event}, or its seal {seal.number}, is not what was sealed."
