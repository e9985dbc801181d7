"""What does a manifest inside a string say? JSON or YAML, read strictly and within bounds.

Argo lays such a string over a pod. What we cannot read for certain we do not read at all: anchors
(a small text that unfolds to a large one), tags, a key twice, several documents, great depth.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import yaml
from yaml import events as seen

LONGEST = 64 * 1024
DEEPEST = 50
CHECKED_EVERY = 256  # steps of a reader
_TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


Check = Callable[[], None]  # raises when there is no time left


def nothing() -> None:
    """There is time without end."""


class Unreadable(ValueError):
    """The text cannot be read for certain; the sentence says why."""


def read_one(text: str, check: Check = nothing) -> list[Any]:
    """The one document in `text`, and no second; scalars other than null stay text."""
    documents = read_all(text, check)
    if len(documents) != 1:
        raise Unreadable(f"it holds {len(documents)} documents instead of one")
    return documents


def read_all(text: str, check: Check = nothing) -> list[Any]:
    """Every document in `text`. Raises Unreadable, and whatever `check` raises, asked ever again."""
    if len(text) > LONGEST:
        raise Unreadable(f"it is longer than {LONGEST // 1024} KiB")
    try:
        values = _json(text, check) if text.lstrip()[:1] == "{" else _yaml(text, check)
        # Half a character, which an escape can write: nothing behind us could pass it on.
        json.dumps(values, ensure_ascii=False).encode()
    except Unreadable:
        raise
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Unreadable("it is neither JSON nor YAML") from None
    return values


def _json(text: str, check: Check) -> list[Any]:
    """JSON, where Argo takes it for JSON: YAML reads some of its escapes otherwise."""
    try:
        value = json.loads(text, object_pairs_hook=_once_each)
    except json.JSONDecodeError:
        return _yaml(text, check)
    _refuse_depth(value)
    return [value]


def _yaml(text: str, check: Check) -> list[Any]:
    return _Builder().documents(text, check)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen_keys: set[str] = set()
    for key, _ in pairs:
        _new_key(key, seen_keys)
    return dict(pairs)


def _new_key(key: str, known: set[str]) -> None:
    # Argo's decoder takes keys in any case: two that differ in nothing else are the same one.
    folded = key.casefold()
    if folded in known:
        raise Unreadable(f"the key {key[:40]!r} stands there twice")
    known.add(folded)


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise Unreadable(_TOO_DEEP)


def _inside(value: Any) -> Iterable[Any]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
    return ()


class _Open:
    """A list or a map whose end was not seen yet."""

    __slots__ = ("key", "keys", "values")

    def __init__(self, values: list[Any] | dict[str, Any]) -> None:
        self.values = values
        self.key: str | None = None  # the one that waits for its value
        self.keys: set[str] = set()

    def add(self, value: Any, text: str | None) -> None:
        if isinstance(self.values, list):
            self.values.append(value)
        elif self.key is None:
            self.key = self._new_key(text)
        else:
            self.values[self.key] = value
            self.key = None

    def _new_key(self, text: str | None) -> str:
        if text is None:
            raise Unreadable("a key is itself a list or a map")
        if text == "<<":
            raise Unreadable("it has a merge key (<<); write the values out")
        _new_key(text, self.keys)
        return text


class _Builder:
    """Values out of events: without the parser's own recursion, and without anchors."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._documents: list[Any] = []

    def documents(self, text: str, check: Check) -> list[Any]:
        for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
            if not number % CHECKED_EVERY:
                check()
            self._take(event)
        return self._documents

    def _take(self, event: yaml.Event) -> None:
        match event:
            case seen.ScalarEvent():
                self._refuse_marks(event)
                empty = event.implicit[0] and event.value in _NULLS
                self._add(None if empty else event.value, event.value)
            case seen.MappingStartEvent():
                self._begin({}, event)
            case seen.SequenceStartEvent():
                self._begin([], event)
            case seen.MappingEndEvent() | seen.SequenceEndEvent():
                self._open.pop()
            case seen.AliasEvent():
                raise Unreadable("it has an alias (*name); write the value out")

    def _begin(self, values: Any, event: yaml.CollectionStartEvent) -> None:
        self._refuse_marks(event)
        self._add(values)
        if len(self._open) == DEEPEST:
            raise Unreadable(_TOO_DEEP)
        self._open.append(_Open(values))

    @staticmethod
    def _refuse_marks(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            raise Unreadable("it has an anchor (&name); write the value out")
        if event.tag is not None:
            raise Unreadable("it has a tag (!name)")

    def _add(self, value: Any, text: str | None = None) -> None:
        if self._open:
            self._open[-1].add(value, text)
        else:
            self._documents.append(value)
