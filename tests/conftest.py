"""What every test has: no sockets but this machine's own, and (where asked) a real cluster."""

import gc
from collections.abc import Iterator

import hypothesis
import pytest
import pytest_socket
from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.creation import BaseDatabaseCreation
from django.db.backends.base.operations import BaseDatabaseOperations

from controlplane.audit import guarding
from tests import rows

pytest_plugins = ["tests.cluster_fixtures"]

# How fast examples are made is a matter of what else the machine does, and no fault of what is tried.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

# Loopback, and the bridge that real nodes of local clusters are on.
OWN_ADDRESSES = ["127.0.0.1", "localhost", "::1", "10.244.0.1"]


@pytest.fixture(autouse=True)
def _only_this_machine() -> None:
    """No test asks anything of a network."""
    pytest_socket.socket_allow_hosts(OWN_ADDRESSES, allow_unix_socket=True)


@pytest.fixture(scope="session", autouse=True)
def _rows_put_back_at_once() -> Iterator[None]:
    """What a test by `serialized_rollback` finds costs it little."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseCreation, "deserialize_db_from_string", rows.put_back)
        yield


@pytest.fixture(autouse=True)
def _kept_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's rows are in its transaction: what a process closes between its steps must stay open here."""
    closed = BaseDatabaseWrapper.close_if_unusable_or_obsolete

    def kept(connection: BaseDatabaseWrapper) -> None:
        if not connection.in_atomic_block:
            closed(connection)

    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", kept)


@pytest.fixture(autouse=True, scope="session")
def _emptied_though_guarded() -> Iterator[None]:
    """A test that commits leaves its tables empty to the next: also those that refuse it.

    The guard is put up again at once, by what migrating puts it up with.
    """
    empty = BaseDatabaseOperations.execute_sql_flush

    def unguarded(operations: BaseDatabaseOperations, statements: list[str]) -> None:
        with connection.cursor() as cursor:
            for name, (table, _) in guarding.triggers(connection.vendor).items():
                cursor.execute(guarding.removal(connection.vendor, name, table))
        empty(operations, statements)
        guarding.put(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", unguarded)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """What collecting makes stays to the end, ten thousand tests: no look for garbage goes through it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL (`tests.production.suite`) what touches rows is tried once more, and several at once."""
    asked = _touches_rows if settings.ON_POSTGRESQL else _runs_on_sqlite
    left_out = [item for item in items if not asked(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if asked(item)]


def _touches_rows(item: pytest.Item) -> bool:
    asked = {"db", "transactional_db", "django_db_setup"} & set(getattr(item, "fixturenames", ()))
    return bool(asked) or item.get_closest_marker("django_db") is not None


def _runs_on_sqlite(item: pytest.Item) -> bool:
    return item.get_closest_marker("postgresql") is None
