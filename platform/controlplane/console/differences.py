"""What differs between two documents, line by line: what was asked and amended, what was read and is now."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True)
class Line:
    """One value that differs. `before` is empty for what was added, `after` for what was removed."""

    kind: str
    where: str
    before: str = ""
    after: str = ""


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Line, ...]:
    """Every value that was added, removed or changed, in the documents' own order."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return tuple(
        line
        for where in dict.fromkeys((*old, *new))
        if old.get(where) != new.get(where)
        for line in _lines(where, old.get(where), new.get(where))
    )


def by_part(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> tuple[tuple[str, tuple[Line, ...]], ...]:
    """Two collections of documents by name: those that differ, each with its lines.

    One that is only on one side is a single line: its whole content would hide the rest.
    """
    return tuple(
        (name, _part(before.get(name), after.get(name)))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    )


def _part(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Line, ...]:
    if before is None:
        return (Line(ADDED, "the whole object"),)
    if after is None:
        return (Line(REMOVED, "the whole object"),)
    return difference(before, after)


def _lines(where: str, before: str | None, after: str | None) -> Iterator[Line]:
    if before is None:
        yield Line(ADDED, where, after=after or "")
    elif after is None:
        yield Line(REMOVED, where, before=before)
    elif "\n" in before or "\n" in after:
        # A text of many lines, such as a controller's configuration: only those that differ.
        for line in difflib.ndiff(before.splitlines(), after.splitlines()):
            if line.startswith("+ "):
                yield Line(ADDED, where, after=line[2:])
            elif line.startswith("- "):
                yield Line(REMOVED, where, before=line[2:])
    else:
        yield Line(CHANGED, where, before, after)


def _leaves(value: object, where: str = "") -> Iterator[tuple[str, str]]:
    """Each value with its path, as text: what people compare is what they would read."""
    if isinstance(value, Mapping) and (value or not where):
        for key, inner in value.items():
            yield from _leaves(inner, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{where}[{number}]")
    else:
        yield where, value if isinstance(value, str) else _said(value)


def _said(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
    return str(value)
