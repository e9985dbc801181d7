"""The database itself refuses to change what was recorded."""

import pytest
from django.core.management import call_command
from django.db import Error, connection, transaction
from django.utils import timezone

from controlplane.audit import guarding, record
from controlplane.audit.models import Event, Seal

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    record("tier.changed", target="tier small")
    found: Event = Event.objects.get()
    Seal.objects.create(number=1, event=found.pk, digest="0" * 64, sealed_at=timezone.now())
    return found


AN_EVENT = (
    "REPLACE INTO audit_event (id, at, actor, on_behalf_of, through, action, target, team,"
    " outcome, request_id, address) VALUES (%s, '2026-01-01', 'x', '', '', '', '', '', '', '', '')"
)
A_SEAL = (
    "REPLACE INTO audit_seal (number, event, digest, sealed_at) VALUES (2, %s, 'x', '2026-01-01')"
)
REPLACING = [AN_EVENT, A_SEAL]
CHANGES = [
    "UPDATE audit_event SET actor = 'somebody else'",
    "DELETE FROM audit_event",
    "UPDATE audit_seal SET digest = 'x'",
    "DELETE FROM audit_seal",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_no_statement_changes_what_was_recorded(event: Event, statement: str) -> None:
    with (
        pytest.raises(Error, match="only ever added"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert Event.objects.get().actor == event.actor
    assert Seal.objects.get().digest == "0" * 64


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has REPLACE")
@pytest.mark.parametrize("statement", REPLACING)
def test_replacing_a_row_is_changing_it(event: Event, statement: str) -> None:
    with (
        pytest.raises(Error, match="only ever added"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, [event.pk])


def test_questions_that_would_change_rows_are_refused_too(event: Event) -> None:
    with pytest.raises(Error, match="only ever added"), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(actor="somebody else")
    with pytest.raises(Error, match="only ever added"), transaction.atomic():
        Event.objects.all().delete()


def test_every_migration_leaves_the_guard_up() -> None:
    assert guarding.missing(connection) == []


def test_a_guard_that_was_taken_off_is_missed_and_put_up_by_migrating() -> None:
    name, (table, _) = next(iter(guarding.triggers(connection.vendor).items()))
    with connection.cursor() as cursor:
        cursor.execute(guarding.removal(connection.vendor, name, table))
    assert guarding.missing(connection) == [name]

    call_command("migrate", verbosity=0)

    assert guarding.missing(connection) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL alters a table where it is")
def test_a_guard_that_lets_everything_through_is_missed() -> None:
    name, (table, statement) = next(iter(guarding.triggers(connection.vendor).items()))
    with connection.cursor() as cursor:
        cursor.execute(guarding.removal(connection.vendor, name, table))
        cursor.execute(statement.replace("BEFORE UPDATE", "BEFORE UPDATE OF actor"))

    assert guarding.missing(connection) == [name]
