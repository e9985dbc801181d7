"""The chain of seals: it grows, it tells where it ends, and what was changed behind its back shows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from controlplane.audit import chain, guarding, heads, record, sealing, tasks, verifying
from controlplane.audit.heads import Head, NotAHead
from controlplane.audit.models import Event, Seal
from controlplane.audit.verifying import Found

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def acts(count: int) -> list[int]:
    """So many, by their numbers."""
    for n in range(count):
        record("tier.changed", target=f"tier {n}", after={"b": 1, "a": [n, "ä"]})
    return sorted(Event.objects.values_list("pk", flat=True))[-count:]


def seal() -> Head:
    head = sealing.seal(now=NOW)
    assert head is not None
    return head


def looked(*known: Head) -> Found:
    return verifying.verify(known, now=timezone.now())


def behind_its_back(statement: str, *values: object) -> None:
    """What somebody does who owns the database: the guard off, a change, the guard on."""
    with connection.cursor() as cursor:
        for name, (table, _) in guarding.triggers(connection.vendor).items():
            cursor.execute(guarding.removal(connection.vendor, name, table))
        cursor.execute(statement, values)
    guarding.put(connection)


def test_every_act_is_sealed_once_and_the_chain_is_whole() -> None:
    numbers = acts(3)

    head = seal()

    assert head.number == 3
    assert list(Seal.objects.values_list("number", "event")) == list(enumerate(numbers, 1))
    assert sealing.seal(now=NOW) is None, "there was nothing left"
    found = looked(head)
    # Whether the database's role could take the guard off is a note, and another question.
    assert replace(found, notes=()) == Found(3, 0, Head(3, head.digest, NOW), ())


def test_each_run_goes_on_where_the_one_before_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 2)
    acts(5)
    first = seal()
    acts(1)

    assert (first.number, seal().number) == (5, 6)
    assert looked(first).wrong == ()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "somebody else"),
        ("outcome", "denied"),
        ("target", "tier large"),
        ("team", "payments"),
        ("address", "10.0.0.1"),
        ("at", "2020-01-01 00:00:00+00:00"),
        ("after", '{"a": 1}'),
    ],
)
def test_an_act_that_was_changed_is_named_and_only_that_one(column: str, value: str) -> None:
    numbers = acts(4)
    seal()

    behind_its_back(f"UPDATE audit_event SET {column} = %s WHERE id = %s", value, numbers[1])

    (wrong,) = looked().wrong
    assert wrong == f"Event {numbers[1]}, or its seal 2, is not what was sealed."


def test_an_act_that_was_deleted_is_missed() -> None:
    numbers = acts(3)
    seal()

    behind_its_back("DELETE FROM audit_event WHERE id = %s", numbers[0])

    assert looked().wrong == (f"Event {numbers[0]}, sealed as 1, is not there.",)


def test_a_seal_that_was_deleted_with_its_act_leaves_a_gap() -> None:
    numbers = acts(4)
    seal()

    behind_its_back("DELETE FROM audit_event WHERE id = %s", numbers[1])
    behind_its_back("DELETE FROM audit_seal WHERE number = 2")

    assert looked().wrong == ("Seals 2 to 2 are not there.",)


def test_a_tail_that_was_cut_is_noticed_by_a_head_that_is_kept_elsewhere() -> None:
    numbers = acts(3)
    head = seal()
    behind_its_back("DELETE FROM audit_event WHERE id > %s", numbers[0])
    behind_its_back("DELETE FROM audit_seal WHERE number > 1")

    assert looked().wrong == (), "the database alone cannot tell"
    (wrong,) = looked(head).wrong
    assert (
        wrong == "Seal 3 was told elsewhere and is not there: the chain was cut off after seal 1."
    )


def test_a_chain_that_was_written_anew_is_noticed_by_a_head_that_is_kept_elsewhere() -> None:
    acts(2)
    head = seal()
    behind_its_back("DELETE FROM audit_seal")
    behind_its_back("UPDATE audit_event SET actor = 'somebody else'")
    seal()

    assert looked().wrong == (), "it fits in itself"
    assert looked(head).wrong == (
        "Seal 2 is another one than was told elsewhere: the chain was rewritten.",
    )


def test_one_chain_cut_and_grown_again_is_not_the_one_that_was_told() -> None:
    numbers = acts(2)
    head = seal()
    behind_its_back("DELETE FROM audit_seal WHERE number = 2")
    behind_its_back("DELETE FROM audit_event WHERE id = %s", numbers[1])
    acts(3)
    seal()

    assert "rewritten" in looked(head).wrong[0]


def test_an_act_whose_transaction_ended_late_is_sealed_late() -> None:
    first, late, last = acts(3)
    Seal.objects.create(
        number=1,
        event=first,
        sealed_at=NOW,
        digest=chain.digest(
            chain.BEGINNING,
            number=1,
            sealed_at=NOW,
            event=Event.objects.values(*chain.SEALED).get(pk=first),
        ),
    )
    event = Event.objects.values(*chain.SEALED).get(pk=last)
    before = Seal.objects.get().digest
    digest = chain.digest(before, number=2, sealed_at=NOW, event=event)
    Seal.objects.create(number=2, event=last, digest=digest, sealed_at=NOW)

    assert seal().number == 3

    assert Seal.objects.get(number=3).event == late
    assert looked().wrong == ()


def test_an_act_that_comes_later_than_any_should_is_found_by_the_thorough_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sealing, "LATE", 0)
    first, last = acts(2)
    event = Event.objects.values(*chain.SEALED).get(pk=last)
    digest = chain.digest(chain.BEGINNING, number=1, sealed_at=NOW, event=event)
    Seal.objects.create(number=1, event=last, digest=digest, sealed_at=NOW)

    assert sealing.seal(now=NOW) is None
    assert sealing.seal(now=NOW, thorough=True) is not None
    assert Seal.objects.get(number=2).event == first


def test_a_clock_that_goes_backwards_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    acts(1)
    sealing.seal(now=NOW)
    monkeypatch.setattr(timezone, "now", lambda: NOW - timedelta(days=400))
    (past,) = acts(1)
    sealing.seal(now=NOW - timedelta(days=400))
    monkeypatch.undo()

    assert looked().wrong == ()
    assert Event.objects.first().pk == past, "newest first, as they were written"


def test_of_two_sealers_the_second_finds_its_number_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    (number,) = acts(1)
    digest = chain.digest

    def meanwhile(previous: str, **said: Any) -> str:
        worked_out = digest(previous, **said)
        Seal.objects.create(number=1, event=number, digest=worked_out, sealed_at=NOW)
        return worked_out

    monkeypatch.setattr(chain, "digest", meanwhile)

    assert sealing.seal(now=NOW) is None, "not an error: what it would have sealed is sealed"


def test_the_same_number_or_the_same_act_is_never_sealed_twice() -> None:
    numbers = acts(1)
    seal()

    for number, event in ((1, 99), (2, numbers[0])):
        with pytest.raises(IntegrityError), transaction.atomic():
            Seal.objects.create(number=number, event=event, digest="x", sealed_at=NOW)


def test_acts_that_nobody_seals_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) - timedelta(hours=1))
    acts(2)
    monkeypatch.undo()

    found = looked()

    assert found.waiting == 2
    assert found.wrong == (
        "2 events are older than 10 minutes and not sealed: is the worker running?",
    )


def test_a_guard_that_is_off_is_told() -> None:
    name, (table, _) = next(iter(guarding.triggers(connection.vendor).items()))
    with connection.cursor() as cursor:
        cursor.execute(guarding.removal(connection.vendor, name, table))

    assert f"{name} is off" in looked().wrong[0]


def test_the_head_is_told_in_the_log_and_in_the_file_once(
    tmp_path: Path,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heads, "_told", {})
    file = tmp_path / "heads"
    settings.AUDIT_HEADS_FILE = str(file)
    acts(2)
    with caplog.at_level("INFO", logger="controlplane.audit.heads"):
        tasks.seal_what_was_recorded()
        tasks.seal_what_was_recorded()

    (line,) = file.read_text().splitlines()
    (told,) = heads.read(line)
    (logged,) = [heads.read(message) for message in caplog.messages]
    assert told.number == 2
    assert looked(told, *logged).wrong == ()


@pytest.mark.parametrize("word", ["", "12", "12:", "x:" + "0" * 64, "1:" + "g" * 64, "{}", "{"])
def test_what_is_no_head_is_refused(word: str) -> None:
    with pytest.raises(NotAHead):
        list(heads.read(f"{word} " if word else "nothing"))
