"""What does a manifest inside a string say? JSON or YAML, read strictly and within bounds.

Argo lays such a string over a pod. What we cannot read for certain we do not read at all: anchors
(a small text that unfolds to a large one), tags, a key twice, several documents, great depth.
"""

from typing import Any

import yaml
from yaml import events as seen

LONGEST = 64 * 1024
DEEPEST = 50
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Unreadable(ValueError):
    """The text cannot be read for certain; the sentence says why."""


def read_one(text: str) -> Any:
    """The one document in `text`; scalars other than null stay text."""
    documents = read_all(text)
    if len(documents) != 1:
        raise Unreadable(f"it holds {len(documents)} documents instead of one")
    return documents[0]


def read_all(text: str) -> list[Any]:
    """Every document in `text`. Raises Unreadable."""
    if len(text) > LONGEST:
        raise Unreadable(f"it is longer than {LONGEST // 1024} KiB")
    try:
        return _Builder().documents(text)
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("it is neither JSON nor YAML") from None


class _Builder:
    """Values out of events: without the parser's own recursion, and without anchors."""

    def __init__(self) -> None:
        self._open: list[tuple[list[Any] | dict[str, Any], list[str]]] = []
        self._documents: list[Any] = []

    def documents(self, text: str) -> list[Any]:
        for event in yaml.parse(text, Loader=_Loader):
            self._take(event)
        return self._documents

    def _take(self, event: yaml.Event) -> None:
        match event:
            case seen.AliasEvent():
                raise Unreadable("it has an alias (*name); write the value out")
            case seen.MappingStartEvent():
                self._begin({}, event)
            case seen.SequenceStartEvent():
                self._begin([], event)
            case seen.MappingEndEvent() | seen.SequenceEndEvent():
                self._open.pop()
            case seen.ScalarEvent():
                self._refuse_marks(event)
                empty = event.implicit[0] and event.value in _NULLS
                self._add(None if empty else event.value, key=event.value)

    def _begin(self, values: Any, event: yaml.CollectionStartEvent) -> None:
        self._refuse_marks(event)
        self._add(values)
        if len(self._open) == DEEPEST:
            raise Unreadable(f"it is nested deeper than {DEEPEST} levels")
        self._open.append((values, []))

    @staticmethod
    def _refuse_marks(event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            raise Unreadable("it has an anchor (&name); write the value out")
        if getattr(event, "tag", None) is not None:
            raise Unreadable("it has a tag (!name)")

    def _add(self, value: Any, *, key: str | None = None) -> None:
        if not self._open:
            self._documents.append(value)
            return
        values, keys = self._open[-1]
        if isinstance(values, list):
            values.append(value)
        elif keys:
            values[keys.pop()] = value
        else:
            keys.append(self._new_key(values, key))

    @staticmethod
    def _new_key(values: dict[str, Any], key: str | None) -> str:
        if key is None:
            raise Unreadable("a key is itself a list or a map")
        if key == "<<":
            raise Unreadable("it has a merge key (<<); write the values out")
        # Argo's decoder takes keys in any case: two that differ in nothing else are the same one.
        folded = key.casefold()
        if any(known.casefold() == folded for known in values):
            raise Unreadable(f"the key {key[:40]!r} stands there twice")
        return key
