"""What must be so before a process of production begins: else it ends at once, with a sentence.

The broker is not asked: without it nothing is lost, and it may come later than we do.
"""

from django.conf import settings
from django.core.management import call_command
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from controlplane.clusters import connections
from controlplane.errors import DomainError
from controlplane.secrets import rotation

# Of two that migrate at once the second waits, and finds nothing left to do. Any number that is ours alone.
MIGRATING = 4_206_921_337


class CannotBegin(DomainError):
    """The sentence says what is missing and the way out."""

    code = "cannot_begin"


def database_is_ours() -> None:
    """The database answers, and has every table and column this version works with."""
    try:
        left = _left()
    except Error as exc:
        raise _away(exc) from exc
    finally:
        connection.close()
    if left:
        raise CannotBegin(
            f"The database lacks {left} of this version's migrations: run `argosy migrate` first."
        )


def secrets_open() -> None:
    """Every key that something is still sealed under is set: one removed too early is told of now."""
    try:
        found = list(rotation.unreadable())
    except Error as exc:
        raise _away(exc) from exc
    finally:
        connection.close()
    if found:
        raise CannotBegin(rotation.told(found))


def tools_are_there() -> None:
    """The charts and a helm, which whoever renders a plan needs: pages show plans, workers carry them out."""
    connections.helm_program()
    if not (settings.CHARTS / "team-guardrails" / "Chart.yaml").is_file():
        raise CannotBegin(
            f"There are no charts in {settings.CHARTS}: set ARGOSY_CHARTS to the folder that has them."
        )


def migrate() -> int:
    """Bring the database to this version; gives how many migrations that took."""
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # Longer than any other lock may be waited for: the first one may rewrite a table.
                cursor.execute("SET lock_timeout = '15min'")
                cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
                cursor.execute("RESET lock_timeout")
        left = _left()
        call_command("migrate", interactive=False, verbosity=0)
    except Error as exc:
        raise _away(exc) from exc
    finally:
        connection.close()  # and with it goes the lock
    return left


def _left() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _away(error: Error) -> CannotBegin:
    told = connection.settings_dict
    where = f"{told['HOST']}:{told['PORT'] or 5432}" if told["HOST"] else told["NAME"]
    return CannotBegin(
        f"The database at {where} cannot be used: {str(error).strip()}. Start it, or mend "
        "ARGOSY_DATABASE_URL."
    )
