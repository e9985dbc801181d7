"""Writing down what is only good to know, such as when a token was last used, without waiting for it.

A database that somebody holds, or that can only be read, is no reason to keep a reader waiting: the hint is
written at once or not at all, and the next one comes in a minute.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def hinted(database: BaseDatabaseWrapper = connection) -> Iterator[None]:
    """What is written within is written now, or left."""
    with suppress(OperationalError), _without_waiting(database):
        yield


@contextmanager
def _without_waiting(database: BaseDatabaseWrapper) -> Iterator[None]:
    """SQLite has one writer at a time, and waits for it; elsewhere a row of one's own is nobody's to hold."""
    if database.vendor != "sqlite":
        yield
        return
    patience = database.settings_dict["OPTIONS"].get("timeout", 5)
    database.ensure_connection()
    database.connection.execute("PRAGMA busy_timeout=0")
    try:
        yield
    finally:
        database.connection.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
