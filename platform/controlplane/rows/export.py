"""Rows as CSV: streamed line by line, and harmless when a spreadsheet opens it."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db.models import QuerySet

CHUNK = 2000  # rows in memory at once, however many there are
# What begins with one of these (the last four full-width) is a formula to a spreadsheet, and runs as
# who opened it.
FORMULA = r"=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# A cell begins at the text's start; and, to a spreadsheet whose locale separates by semicolons, after each of
# those, and after a line's end, since our quotes are not where it looks for them.
BEGINS = re.compile(rf"""(^|[;\t\r\n])(?=[ "\xa0]*[{FORMULA}])""")


class _Line:
    """What csv writes to: it gives back what it was handed."""

    def write(self, line: str) -> str:
        return line


def harmless(value: Any) -> Any:
    """A cell as it is written: text that would be a formula gets an apostrophe before it.

    That holds for what another locale would take for a cell too: the middle of one of ours.
    """
    if isinstance(value, str):
        return BEGINS.sub(r"\1'", value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, dict | list):
        return harmless(orjson.dumps(value).decode())
    return value


def lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The header and each row, as text to send."""
    writer = csv.writer(_Line())
    yield str(writer.writerow(header))
    for row in rows:
        yield str(writer.writerow([harmless(cell) for cell in row]))


def stream(rows: QuerySet[Any], columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    """These columns (heading, lookup) of every row, without holding the rows."""
    cells = rows.values_list(*(lookup for _, lookup in columns))
    return lines([heading for heading, _ in columns], cells.iterator(chunk_size=CHUNK))
