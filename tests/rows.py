"""The rows that a new installation has, back after a test whose end took all rows away.

Django saves them one by one, each with a look for whether it is there: a seventh of a second a test. Here
they are read once and written as many at a time as the database takes.

A test that ends without `serialized_rollback` leaves content types and permissions made anew, under other
keys than the rows that are put back: those make room first, whichever test came before.
"""

from functools import cache
from itertools import groupby
from typing import Any

from django.core import serializers
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.creation import BaseDatabaseCreation
from django.db.models import Model
from django.db.transaction import atomic


def put_back(creation: BaseDatabaseCreation, data: str) -> None:
    """What `deserialize_db_from_string` does."""
    connection = creation.connection
    tables = _tables(data)
    with atomic(using=connection.alias), connection.constraint_checks_disabled():
        for model, _ in reversed(tables):
            there = model._base_manager.using(connection.alias).all()
            there._raw_delete(connection.alias)  # type: ignore[attr-defined]
        for model, rows in tables:
            _write(model, rows, connection)


def _write(model: type[Model], rows: list[Model], connection: BaseDatabaseWrapper) -> None:
    """At once, as they were written down: no field makes its value anew."""
    fields = model._meta.local_concrete_fields
    size = connection.ops.bulk_batch_size(fields, rows) or 1
    for first in range(0, len(rows), size):
        some = rows[first : first + size]
        model._base_manager._insert(some, fields=fields, using=connection.alias, raw=True)


@cache
def _tables(data: str) -> list[tuple[type[Model], list[Model]]]:
    found: list[Any] = list(serializers.deserialize("json", data))
    assert not any(each.m2m_data for each in found), (
        "rows that name several others are not put back"
    )
    grouped = groupby((each.object for each in found), key=type)
    return [(model, list(rows)) for model, rows in grouped]
