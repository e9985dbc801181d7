"""Snapshots are taken by the clock, and an old one says how old it is."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from controlplane.metrics import exposition, snapshot
from controlplane.metrics.exposition import Snapshots, exposed
from controlplane.metrics.snapshot import OTHER, OUTCOMES, Snapshot, Turns
from provisioning.models import Turn
from tests.factories import NamespaceFactory


def test_without_any_snapshot_it_says_that_there_is_none() -> None:
    text = exposed(None).decode()

    assert "argosy_snapshot_taken 0.0" in text
    assert "argosy_wishes_behind" not in text


def test_an_old_one_has_its_age() -> None:
    old = Snapshot(at=timezone.now() - timedelta(minutes=5))

    text = exposed(old).decode()

    (line,) = [li for li in text.splitlines() if li.startswith("argosy_snapshot_age_seconds ")]
    assert 300 <= float(line.split()[1]) < 310


def test_with_the_database_away_the_last_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Snapshot(at=timezone.now())
    asked: list[int] = []
    thrice = threading.Event()

    def take(_now: object) -> Snapshot:
        asked.append(1)
        if len(asked) > 2:
            thrice.set()
        if len(asked) > 1:
            raise OperationalError("it is away")
        return first

    monkeypatch.setattr(exposition, "take", take)
    monkeypatch.setattr(exposition, "close_old_connections", lambda: None)
    kept = Snapshots(every=0.01)
    try:
        assert kept.newest() is first
        assert thrice.wait(10)
        assert kept.newest() is first
    finally:
        kept.end()


@pytest.mark.django_db
def test_turns_are_counted_by_how_they_ended_lately() -> None:
    row, now = NamespaceFactory(), timezone.now()
    for seconds in (1, 3):
        Turn.objects.create(
            namespace=row, generation=1, outcome="AllReady", seconds=seconds, ended_at=now
        )
    Turn.objects.create(
        namespace=row, generation=1, outcome="Old", ended_at=now - timedelta(hours=1)
    )
    Turn.objects.create(namespace=row, generation=1, outcome="")

    assert snapshot.take(now).turns == {"AllReady": Turns(2, 2.0, 3.0)}


@pytest.mark.django_db
def test_however_many_ways_turns_end_only_some_have_a_name() -> None:
    row, now = NamespaceFactory(), timezone.now()
    for number in range(OUTCOMES + 5):
        Turn.objects.create(
            namespace=row, generation=1, outcome=f"Way{number:02}", seconds=2, ended_at=now
        )

    turns = snapshot.take(now).turns

    assert (len(turns), turns[OTHER]) == (OUTCOMES + 1, Turns(5, 2.0, 2.0))
