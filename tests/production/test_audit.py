"""On PostgreSQL with two roles: the one that works with the rows cannot change what it recorded."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from tests.production import stores
from tests.production.platform import Platform
from tests.production.stores import DATABASE, LOOPBACK, PostgreSQL

pytestmark = pytest.mark.production

ROLE, PASSWORD = "argosy_app", "works-with-rows"
SEAL = """
from django.utils import timezone
from controlplane.audit import sealing
print(sealing.seal(now=timezone.now()))
"""
REFUSED = [
    "UPDATE audit_event SET actor = 'somebody else'",
    "DELETE FROM audit_event",
    "TRUNCATE audit_event",
    "UPDATE audit_seal SET digest = 'x'",
    "DELETE FROM audit_seal",
    "TRUNCATE audit_seal",
    "ALTER TABLE audit_event DISABLE TRIGGER ALL",
    "DROP TABLE audit_event",
]


@dataclass
class Apart:
    """A platform that is migrated by one role and run by another, in whose name somebody did something."""

    owner: Platform
    app: Platform
    app_url: str
    head: str


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    with stores.postgresql() as server:
        with psycopg.connect(server.url, autocommit=True) as db:
            db.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        yield _migrated(tmp_path_factory.mktemp("owner"), tmp_path_factory.mktemp("app"), server)


def _migrated(owner_folder: Path, app_folder: Path, server: PostgreSQL) -> Apart:
    nobody = stores.Redis(owner_folder)
    owner, app = Platform(owner_folder, server, nobody), Platform(app_folder, server, nobody)
    app_url = f"postgresql://{ROLE}:{PASSWORD}@{LOOPBACK}:{server.port}/{DATABASE}"
    (app_folder / "ARGOSY_DATABASE_URL").write_text(app_url)
    migrated = owner.argosy("migrate", ARGOSY_DATABASE_ROLE=ROLE)
    assert migrated.returncode == 0, migrated.stderr
    made = app.argosy("admin", "ada", ARGOSY_PASSWORD="correct horse battery")
    assert made.returncode == 0, made.stderr
    return Apart(owner, app, app_url, app.django(SEAL))


def test_the_role_that_works_with_rows_records_and_seals(apart: Apart) -> None:
    said = apart.app.argosy("audit", "verify", "--head", apart.head)

    assert said.returncode == 0, said.stderr + said.stdout
    assert "are as they were sealed; 0 wait for their seal." in said.stdout
    assert "could take the guard off" not in said.stdout


def test_what_was_done_at_the_machine_says_by_whom(apart: Apart) -> None:
    with psycopg.connect(apart.app_url) as db:
        actor, through = db.execute(
            "SELECT actor, through FROM audit_event WHERE action = 'user.made'"
        ).fetchone() or ("", "")

    assert " at " in actor
    assert through == "command"


@pytest.mark.parametrize("statement", REFUSED)
def test_the_role_that_works_with_rows_changes_no_record(apart: Apart, statement: str) -> None:
    with psycopg.connect(apart.app_url) as db, pytest.raises(errors.InsufficientPrivilege):
        db.execute(statement.encode())


@pytest.mark.parametrize("statement", REFUSED[:6])
def test_not_even_the_role_that_owns_them_changes_records_by_mistake(
    apart: Apart, statement: str
) -> None:
    with (
        psycopg.connect(apart.owner.database.url) as db,
        pytest.raises(errors.IntegrityConstraintViolation, match="only ever added"),
    ):
        db.execute(statement.encode())


def test_a_role_that_could_take_the_guard_off_is_told_so(apart: Apart) -> None:
    said = apart.owner.argosy("audit", "verify")

    assert "could take the guard off" in said.stdout
    assert "No head that was kept elsewhere was given" in said.stdout


def test_what_its_owner_changed_with_the_guard_off_is_found_and_migrating_puts_it_on(
    apart: Apart,
) -> None:
    with psycopg.connect(apart.owner.database.url, autocommit=True) as db:
        db.execute("ALTER TABLE audit_event DISABLE TRIGGER ALL")
        db.execute("UPDATE audit_event SET actor = 'somebody else' WHERE action = 'user.made'")

    said = apart.app.argosy("audit", "verify")

    assert said.returncode == 1
    assert "is not what was sealed" in said.stderr
    assert "audit_event_no_update" in said.stderr
    apart.owner.argosy("migrate", ARGOSY_DATABASE_ROLE=ROLE)
    assert "The database would not refuse" not in apart.app.argosy("audit", "verify").stderr
