"""Text with a NUL in it: PostgreSQL keeps none, and clusters and people may say one.

It is kept, and looked for, with U+FFFD in its place. Refused, the message of one workflow would hold up the
index of its whole cluster, and a filter with %00 in it would be a mistake of ours.
"""

import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.abc import Buffer
from psycopg.types.json import Jsonb, JsonbBinaryDumper, JsonbDumper
from psycopg.types.string import StrBinaryDumper, StrDumper

INSTEAD = "\ufffd"
# In JSON it is written as an escape; one whose backslash is escaped itself is six letters of somebody's.
ESCAPED = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class Text(StrDumper):
    """Text as it is, without NUL."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", INSTEAD))


class BinaryText(StrBinaryDumper):
    """The same, where a parameter goes as bytes."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", INSTEAD))


class Json(JsonbDumper):
    """JSON as it is, without NUL in its texts and keys."""

    def dump(self, obj: Any) -> Buffer | None:
        return without_nul(super().dump(obj))


class BinaryJson(JsonbBinaryDumper):
    """The same, where a parameter goes as bytes."""

    def dump(self, obj: Any) -> Buffer | None:
        return without_nul(super().dump(obj))


def without_nul(document: Buffer | None) -> Buffer | None:
    """A JSON document in whose texts no NUL is left."""
    return None if document is None else ESCAPED.sub(rb"\1\\ufffd", bytes(document))


def keep_no_nul(*, connection: BaseDatabaseWrapper, **_: object) -> None:
    """Of every new connection to PostgreSQL; of another database's, nothing."""
    if connection.vendor != "postgresql":
        return
    adapters = connection.connection.adapters
    # The one said last is taken first.
    adapters.register_dumper(str, BinaryText)
    adapters.register_dumper(str, Text)
    adapters.register_dumper(Jsonb, BinaryJson)
    adapters.register_dumper(Jsonb, Json)
