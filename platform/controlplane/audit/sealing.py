"""Sealing what was recorded into the chain: one after the other, whoever was first.

Events are inserted free of contention, and a transaction may end long after one that began later. So the
chain goes by seals, whose numbers have no gap, and not by the events' own numbers or times: a late event is
sealed late, and a clock that goes backwards changes nothing.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from . import chain
from .heads import Head
from .models import Event, Seal

BATCH = 500  # events a transaction
MOST = 100  # batches a run: the next one goes on
LATE = 10_000  # so far behind the newest seal an event is still looked for; further once an hour


def seal(*, now: datetime, thorough: bool = False) -> Head | None:
    """Seal what is not sealed; gives the chain's head if it grew. `thorough`: however late it came."""
    head = None
    for _ in range(MOST):
        # Looked for before anything is locked: most runs find nothing.
        if not unsealed(thorough=thorough).exists():
            break
        try:
            with transaction.atomic():
                head = _sealed(now, thorough=thorough) or head
        except IntegrityError:
            break  # another sealer took the same number: it has sealed what we would have
    return head


def unsealed(*, thorough: bool = False) -> "QuerySet[Event]":
    """What has no seal, in the order it was written."""
    newest = None if thorough else Seal.objects.order_by("-number").first()
    floor = newest.event - LATE if newest else 0
    found: QuerySet[Event] = Event.objects.filter(
        ~Exists(Seal.objects.filter(event=OuterRef("pk"))), pk__gt=floor
    )
    return found.order_by("pk")


def _sealed(now: datetime, *, thorough: bool) -> Head | None:
    last = Seal.objects.order_by("-number").first()
    number, previous = (last.number, last.digest) if last else (0, chain.BEGINNING)
    seals = []
    for event in unsealed(thorough=thorough).values(*chain.SEALED)[:BATCH]:
        number += 1
        previous = chain.digest(previous, number=number, sealed_at=now, event=event)
        seals.append(Seal(number=number, event=event["pk"], digest=previous, sealed_at=now))
    Seal.objects.bulk_create(seals)
    return Head(number, previous, now) if seals else None
