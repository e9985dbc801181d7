"""Where a team's finished workflows are kept: a PostgreSQL database and role of that team alone."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.secrets.endpoints import one_spelling
from controlplane.secrets.trying import postgresql as trying
from provisioning.stores import is_port

from . import Field, Held, Problem, Role, Tried

KIND = "archive"
TITLE = "Workflow archive (PostgreSQL)"
ABOUT = (
    "A database in which Argo's controller keeps finished workflows. A role and a database of this "
    "team's own: Argo tells the labels of all workflows in a database to whoever may ask it."
)
FIELDS = (
    Field("host", "Host"),
    Field("port", "Port", default="5432", required=False),
    Field("database", "Database"),
    Field("user", "Role"),
    Field("sslmode", "TLS", "verify-full is the one that knows whom it talks to.",
          choices=("verify-full", "require", "disable"), default="require"),
    Field("password", "Password", secret=True),
)  # fmt: skip
TYPE = "Opaque"
ROLE: Role = "control"  # the controller's alone: whoever may run pods does not see it
ONE_A_NAMESPACE = True
TESTED = "Connects as the role, makes a table, takes it back, and looks what else the role may do."

KEEPS = "90d"
CONNECTIONS = 5  # of a controller; a hundred of them share a server
HOST = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9.]{0,252})", re.ASCII)
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,62}", re.ASCII)


def problems(held: Held) -> Iterator[Problem]:
    """What a PostgreSQL client could not use."""
    said = held.settings
    if not HOST.fullmatch(said["host"]):
        yield Problem("host", "A host's name or address, without a port.")
    port = said.get("port") or "5432"
    if not (port.isascii() and port.isdigit() and is_port(int(port[:6]))):
        yield Problem("port", "A number from 1 to 65535.")
    for name in ("database", "user"):
        if not NAME.fullmatch(said[name]):
            yield Problem(name, "Letters, digits, hyphens and underscores, at most 63.")


def data(held: Held) -> Mapping[str, bytes]:
    """Argo takes both from a Secret."""
    return {"username": held.settings["user"].encode(), "password": held.values["password"]}


def wiring(name: str, settings: Mapping[str, str]) -> Mapping[str, Any]:
    """Finished workflows go there; large ones too, which etcd would not take."""
    return {
        "persistence": {
            "archive": True,
            "archiveTTL": KEEPS,
            "nodeStatusOffLoad": True,
            "connectionPool": {"maxOpenConns": CONNECTIONS, "maxIdleConns": 1},
            "postgresql": {
                "host": settings["host"],
                "port": int(settings.get("port") or 5432),
                "database": settings["database"],
                "tableName": "argo_workflows",
                "userNameSecret": {"name": name, "key": "username"},
                "passwordSecret": {"name": name, "key": "password"},
                "ssl": settings["sslmode"] != "disable",
                "sslMode": settings["sslmode"],
            },
        }
    }


def belongs_to(settings: Mapping[str, str]) -> str:
    """A database is one team's."""
    port = int(settings.get("port") or 5432)
    return f"postgresql://{one_spelling(settings['host'], port)}/{settings['database']}"


def test(held: Held) -> Tried:
    """Connect, make a table, take it back."""
    return trying.test(
        host=held.settings["host"],
        port=int(held.settings.get("port") or 5432),
        database=held.settings["database"],
        user=held.settings["user"],
        sslmode=held.settings["sslmode"],
        password=held.text("password"),
    )
