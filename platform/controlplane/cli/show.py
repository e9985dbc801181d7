"""How answers look in a terminal: a table for people, JSON for programs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from textwrap import indent
from typing import Annotated, Any

import orjson
import typer
import yaml
from rich.console import Console
from rich.table import Table

from controlplane.errors import DomainError

from .client import ApiError

# What others wrote is text, never markup: a team may be called [/red].
console = Console(markup=False, highlight=False)
complaints = Console(stderr=True, markup=False, highlight=False)

DAY = 86_400
STEPS = ((60, 1, "s"), (3600, 60, "min"), (DAY, 3600, "h"))

Json = Annotated[bool, typer.Option("--json", help="Print the API's own answer.")]


def rows(
    found: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    as_json: bool,
    whole: Sequence[str] = (),
) -> None:
    """A list: a table, or JSON. Columns that are `whole` stay on one line, however narrow the terminal."""
    if as_json:
        typer.echo(orjson.dumps(list(found)))
        return
    table = Table()
    for column in columns:
        # Nothing is cut off: it goes on in the next line.
        table.add_column(column, no_wrap=column in whole, overflow="fold")
    for row in found:
        table.add_row(*(_printable(row.get(column, "")) for column in columns))
    console.print(table if found else "There is none yet.")


def one(found: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing: a line a field, or JSON."""
    if as_json:
        typer.echo(orjson.dumps(dict(found)))
        return
    for key, value in found.items():
        if value and isinstance(value, dict | list):
            text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
            console.print(f"{key}:")
            console.print(_printable(indent(text.rstrip(), "  ")))
        else:
            console.print(f"{key}: {_printable('' if value is None else value)}")


def ago(moment: str | None) -> str:
    """`3 min ago`, of a time as the API tells it."""
    if not moment:
        return ""
    seconds = max((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds(), 0)
    for below, unit, name in STEPS:
        if seconds < below:
            return f"{int(seconds // unit)} {name} ago"
    return f"{int(seconds // DAY)} d ago"


def complain(sentence: str) -> None:
    """What is wrong, whole, beside an answer that can still be read by a program."""
    complaints.print(_printable(sentence), style="red", soft_wrap=True)


def _printable(value: object) -> str:
    """What others wrote, without the characters that would move or repaint a terminal."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode()
        for c in str(value)
    )


@contextmanager
def told() -> Iterator[None]:
    """A refusal is one sentence and an exit code, never a traceback."""
    try:
        yield
    except ApiError as exc:
        complaints.print(str(exc), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(exc.exit_code) from exc
    except DomainError as exc:
        complaints.print(exc.sentence, style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from exc
