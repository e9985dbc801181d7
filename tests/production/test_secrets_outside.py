"""Secrets tried where they are used: a real PostgreSQL with a role and a database for each team."""

import secrets as random
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from pytest_django import Settings

from controlplane.secrets.kinds import Held, archive
from tests.production.stores import PostgreSQL, postgresql

pytestmark = pytest.mark.production
PASSWORDS = {"atlas": random.token_urlsafe(12), "borealis": random.token_urlsafe(12)}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """A server on which two teams have a role and a database, and nobody else may connect to either."""
    with postgresql() as there:
        with psycopg.connect(there.url, autocommit=True) as admin:
            for team, password in PASSWORDS.items():
                name = sql.Identifier(team)
                admin.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password))
                )
                admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
                admin.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
            admin.execute("REVOKE CONNECT ON DATABASE argosy FROM PUBLIC")
        yield there


@pytest.fixture(autouse=True)
def _near_stores(settings: Settings) -> None:
    settings.STORE_NETWORKS = ["127.0.0.0/8"]


def held(server: PostgreSQL, team: str, password: str = "", database: str = "") -> Held:
    said = {
        "host": "127.0.0.1",
        "port": str(server.port),
        "database": database or team,
        "user": team,
        "sslmode": "disable",
    }
    return Held(said, {"password": (password or PASSWORDS[team]).encode()})


@pytest.mark.parametrize("team", ["atlas", "borealis"])
def test_a_teams_own_role_gets_into_its_own_database_and_leaves_nothing(
    server: PostgreSQL, team: str
) -> None:
    tried = archive.test(held(server, team))

    assert (tried.works, tried.sentence) == (
        True,
        f"{team} let the role in, and to no other database.",
    )
    with psycopg.connect(server.url.replace("/argosy", f"/{team}")) as admin:
        assert (
            admin.execute("SELECT 1 FROM pg_class WHERE relname = 'argosy_test'").fetchone() is None
        )


def test_a_teams_role_does_not_get_into_another_teams_database(server: PostgreSQL) -> None:
    tried = archive.test(held(server, "atlas", database="borealis"))

    assert (tried.works, tried.sentence) == (False, "atlas may not connect to borealis.")


def test_a_wrong_password_is_one_sentence_without_it(server: PostgreSQL) -> None:
    tried = archive.test(held(server, "atlas", password="canary-wrong"))

    assert not tried.works
    assert "does not let atlas in with this password" in tried.sentence
    assert "canary-wrong" not in tried.sentence


def test_a_role_that_may_make_roles_is_told_of(server: PostgreSQL) -> None:
    said = {"host": "127.0.0.1", "port": str(server.port), "database": "argosy", "user": "argosy"}

    tried = archive.test(
        Held({**said, "sslmode": "disable"}, {"password": server.password.encode()})
    )

    assert not tried.works
    assert "may make roles or databases" in tried.sentence


def test_a_role_that_may_connect_elsewhere_is_told_of(server: PostgreSQL) -> None:
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE open_to_all")
        try:
            tried = archive.test(held(server, "atlas"))
        finally:
            admin.execute("DROP DATABASE open_to_all")

    assert not tried.works
    assert "1 other databases" in tried.sentence


def test_a_server_without_tls_is_not_spoken_to_where_tls_is_asked(server: PostgreSQL) -> None:
    asked = held(server, "atlas")

    tried = archive.test(Held({**asked.settings, "sslmode": "require"}, asked.values))

    assert not tried.works
    assert "do not agree on TLS" in tried.sentence


def test_what_is_not_in_the_networks_of_stores_is_not_called(
    server: PostgreSQL, settings: Settings
) -> None:
    settings.STORE_NETWORKS = ["10.0.0.0/8"]

    tried = archive.test(held(server, "atlas"))

    assert not tried.works
    assert "is not called from here" in tried.sentence
