"""What makes the database refuse to change what was recorded: triggers, and rights where roles are apart.

They are looked after at the end of every `migrate`: SQLite makes a table anew to alter it, and a table's
triggers go with it. Whoever owns a database can still take them off; the chain of seals shows what was done
then, and `argosy audit verify` shows that they are off.
"""

from collections.abc import Mapping

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("audit_event", "audit_seal")
KEYS = {"audit_event": ("id",), "audit_seal": ("number", "event")}
REFUSAL = "audit rows are only ever added"
FUNCTION = "audit_refuse_change"


def triggers(vendor: str) -> Mapping[str, tuple[str, str]]:
    """Each trigger by its name: its table, and the statement that makes it."""
    made = _of_postgresql if vendor == "postgresql" else _of_sqlite
    return {name: (table, made(name, table, act)) for name, table, act in _wanted(vendor)}


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that are not there, or not as they were made."""
    there = _there(connection)
    wanted = triggers(connection.vendor)
    return [name for name, (_, statement) in wanted.items() if there.get(name) != statement]


def put(connection: BaseDatabaseWrapper) -> list[str]:
    """Make the triggers that are missing; gives their names. Those that are there are left alone."""
    absent = missing(connection)
    wanted = triggers(connection.vendor)
    with connection.cursor() as cursor:
        if absent and connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for name in absent:
            table, statement = wanted[name]
            cursor.execute(removal(connection.vendor, name, table))
            cursor.execute(statement)
            if connection.vendor == "postgresql":
                cursor.execute(f"COMMENT ON TRIGGER {name} ON {table} IS '{_quoted(statement)}'")
    return absent


def removal(vendor: str, name: str, table: str) -> str:
    """The statement that takes one trigger off; one that is not there is off already."""
    of = f" ON {table}" if vendor == "postgresql" else ""
    return f"DROP TRIGGER IF EXISTS {name}{of}"


def grant(connection: BaseDatabaseWrapper, role: str) -> None:
    """On PostgreSQL: this role works with every table, and of what was recorded reads and adds only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema, who = (connection.ops.quote_name(each) for each in (cursor.fetchone()[0], role))
        for statement in (
            f"GRANT USAGE ON SCHEMA {schema} TO {who}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {who}",
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {who}",
            f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(TABLES)} FROM {who}",
        ):
            cursor.execute(statement)


def may_change(connection: BaseDatabaseWrapper) -> bool:
    """Whether the role we are could change what was recorded, if the triggers were off."""
    if connection.vendor != "postgresql":
        return True  # who may write the file may write all of it
    asked = " OR ".join(
        f"has_table_privilege(current_user, '{table}', 'UPDATE, DELETE, TRUNCATE')"
        for table in TABLES
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {asked}")
        return bool(cursor.fetchone()[0])


def _wanted(vendor: str) -> list[tuple[str, str, str]]:
    # REPLACE on SQLite deletes the row before it without asking a DELETE trigger.
    acts = ("UPDATE", "DELETE", "TRUNCATE" if vendor == "postgresql" else "INSERT")
    return [(f"{table}_no_{act.lower()}", table, act) for table in TABLES for act in acts]


def _of_sqlite(name: str, table: str, act: str) -> str:
    same = " OR ".join(f"{key} = NEW.{key}" for key in KEYS[table])
    taken = f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - names of ours
    when = taken if act == "INSERT" else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {act} ON {table}{when}"
        f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    )


def _of_postgresql(name: str, table: str, act: str) -> str:
    return (
        f"CREATE TRIGGER {name} BEFORE {act} ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
    )


_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""


def _there(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The triggers on our tables as they were made; on PostgreSQL a disabled one is not there."""
    with connection.cursor() as cursor:
        cursor.execute(_THERE[connection.vendor], list(TABLES))
        return dict(cursor.fetchall())


_THERE = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (%s, %s)",
    # The statement is kept beside it: PostgreSQL tells a trigger in words of its own.
    "postgresql": """
        SELECT t.tgname, coalesce(obj_description(t.oid, 'pg_trigger'), '') FROM pg_trigger t
        WHERE t.tgrelid IN (to_regclass(%s), to_regclass(%s))
        AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
    """,
}


def _quoted(statement: str) -> str:
    return statement.replace("'", "''")
