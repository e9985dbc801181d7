"""Does a database let this role in, and does the role reach no further than it should?"""

import os
import socket

import psycopg
from psycopg import sql

from controlplane.secrets.verdict import Tried

from .deadline import ended_after
from .reaching import CONNECT_SECONDS, SECONDS, NotReached, address_of

STATEMENT_MS = 5000
OTHERS = """
    SELECT count(*) FROM pg_database
    WHERE datallowconn AND datname NOT IN (current_database(), 'postgres', 'template1')
    AND has_database_privilege(current_user, datname, 'CONNECT')
"""


def test(*, host: str, port: int, database: str, user: str, sslmode: str, password: str) -> Tried:
    """Connect, make a table, take it back."""
    try:
        address = address_of(host, port)
        # Its own timeouts are the server's to keep, and a form chose the server.
        with (
            ended_after(SECONDS) as line,
            psycopg.connect(
                host=host,
                hostaddr=address,
                port=port,
                dbname=database,
                user=user,
                password=password,
                sslmode=sslmode,
                sslrootcert="system" if sslmode == "verify-full" else "",
                connect_timeout=int(CONNECT_SECONDS),
                options=f"-c statement_timeout={STATEMENT_MS}",
            ) as connection,
            socket.socket(fileno=os.dup(connection.fileno())) as held,
        ):
            line.is_by(held)
            return _looked(connection, database)
    except NotReached as exc:
        return Tried(works=False, sentence=exc.sentence)
    except psycopg.OperationalError as exc:
        if line.was_cut:
            return Tried(
                works=False, sentence=f"{host}:{port} did not answer within {SECONDS:.0f} s."
            )
        return Tried(works=False, sentence=_why_not(exc, f"{host}:{port}", database, user))
    except psycopg.Error:
        return Tried(works=False, sentence=f"{user} may not make tables in {database}.")


def _looked(connection: psycopg.Connection, database: str) -> Tried:
    name = sql.Identifier("argosy_test")
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("CREATE TABLE {} (one integer)").format(name))
    row = connection.execute(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row and row[0]:
        return Tried(
            works=False,
            sentence="It lets us in, but as a role that may make roles or databases: give Argo one that owns "
            "this database and nothing else.",
        )
    others = connection.execute(OTHERS).fetchone()
    if others and others[0]:
        return Tried(
            works=False,
            sentence=f"It lets us in, but the role may also connect to {others[0]} other databases there: "
            "`REVOKE CONNECT ON DATABASE … FROM PUBLIC` on each of them.",
        )
    return Tried(works=True, sentence=f"{database} let the role in, and to no other database.")


def _why_not(exc: psycopg.OperationalError, where: str, database: str, user: str) -> str:
    """By what kind of failure it was: its own words are of a server that a form chose."""
    said = str(exc)
    if "password authentication failed" in said:
        return f"{where} does not let {user} in with this password."
    if "does not exist" in said:
        return f"{where} has no database {database}, or no role {user}."
    if "permission denied" in said:
        return f"{user} may not connect to {database}."
    if "SSL" in said or "certificate" in said:
        return f"{where} and we do not agree on TLS: it has none, or its certificate cannot be believed."
    if "no pg_hba.conf entry" in said:
        return f"{where} lets nobody in from here as {user}."
    return f"{where} cannot be reached, or is no PostgreSQL."
