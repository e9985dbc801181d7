"""A manifest as somebody typed it: read strictly, with the line of whatever is wrong with it.

YAML can say more than JSON, and more than is good: a few lines of aliases may stand for gigabytes, a key may
be there twice, a date is no text. What comes out is JSON's own, of a bounded size and depth; the text is
walked event by event before anything is made of it, so that what is refused has cost little.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from controlplane.errors import DomainError
from controlplane.kube.errors import Refused
from controlplane.objects import Manifest

from .submission import DEEPEST

LONGEST = 512 * 1024
LARGEST = 1024 * 1024  # characters, once aliases are written out; no cluster keeps much more
MOST_VALUES = 50_000
MOST_EVENTS = 2 * MOST_VALUES  # keys are read as values too
MOST_PROBLEMS = 20
LONGEST_NUMBER = 100  # characters: reading one of a million digits takes minutes
SMALLEST_INT, LARGEST_INT = -(2**63), 2**63 - 1
YAMLS = "tag:yaml.org,2002:"
MERGE, VALUE, TEXT = f"{YAMLS}merge", f"{YAMLS}value", f"{YAMLS}str"
NUMBERS = frozenset({f"{YAMLS}int", f"{YAMLS}float"})
JSONS = NUMBERS | {f"{YAMLS}{kind}" for kind in ("map", "seq", "str", "bool", "null")}
TIME = f"{YAMLS}timestamp"
DIRECTIVE = re.compile(r"^%TAG\b", re.MULTILINE)
QUOTED = re.compile(r'(?:unknown|duplicate) field "([^"]+)"')
STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class BadText(DomainError):
    """The text cannot be taken, and which line says why (0: none in particular)."""

    code = "bad_yaml"

    def __init__(self, sentence: str, *, line: int = 0) -> None:
        super().__init__(sentence, field="manifest")
        self.line = line


@dataclass(frozen=True)
class Problem:
    """One thing that the API server says is wrong, and the line it is in (0: not found)."""

    sentence: str
    line: int


class _Size(NamedTuple):
    """What a node stands for once its aliases are written out."""

    values: int
    characters: int


BEING_COUNTED = _Size(0, 0)


# libyaml's reader where there is one: a tenth of the time.
class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """Scalars as Kubernetes' own reader has them: a time is text, and so is `12:30`."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        tag: str = super().resolve(kind, value, implicit)
        if tag == VALUE or (tag in NUMBERS and implicit[0] and ":" in value):
            return TEXT
        return tag

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag in NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise _no_number(node)
        try:
            made = super().construct_object(node, deep)
        except (ValueError, LookupError, ArithmeticError) as exc:
            kind = node.tag.removeprefix(YAMLS)
            raise BadText(f"That is not YAML: no {kind} looks so.", line=_line(node)) from exc
        if isinstance(made, int) and not SMALLEST_INT <= made <= LARGEST_INT:
            raise _no_number(node)
        if isinstance(made, float) and not math.isfinite(made):
            raise _no_number(node)
        return made


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIME]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parsed(text: str) -> Manifest:
    """The one object that the text is."""
    root = _tree(text)
    _check(root, {})
    with _said_with_its_line(text):
        found = _Loader("").construct_document(root)
    if not isinstance(found, dict):
        raise BadText(
            "A manifest is a mapping: `apiVersion:`, `kind:`, `metadata:`, `spec:`.", line=1
        )
    return found


def problems(refusal: Refused, text: str) -> list[Problem]:
    """What the API server said of the manifest, with lines where its fields can be found."""
    causes = (refusal.status.get("details") or {}).get("causes") or ()
    said = [(c.get("field") or "", c.get("message") or "") for c in causes if isinstance(c, dict)]
    if unknown := QUOTED.findall(refusal.sentence):
        said = [(field, f"There is no field {field}.") for field in unknown]
    if not any(field for field, _ in said):
        return [Problem(refusal.sentence, 0)]
    root = _tree_or_none(text)
    return [
        Problem(f"{field}: {words}" if field not in words else words, _line_in(root, field))
        for field, words in said[:MOST_PROBLEMS]
    ]


def line_of(field: str, text: str) -> int:
    """The line of a field such as `spec.templates[0].name`, or of what is nearest above it; 0 if none."""
    return _line_in(_tree_or_none(text), field)


def _line_in(node: yaml.Node | None, field: str) -> int:
    line = 0
    if node is None:
        return line
    for name, index in STEP.findall(field):
        found = _inner(node, name, index)
        if found is None:
            break
        line, node = found
    return line


def _tree_or_none(text: str) -> yaml.Node | None:
    try:
        return _tree(text)
    except BadText:
        return None


def _tree(text: str) -> yaml.Node:
    if len(text) > LONGEST:
        raise BadText(f"That is more than {LONGEST // 1024} KiB: too long for a manifest.")
    if found := DIRECTIVE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise BadText("A manifest needs no tags of its own: take `%TAG` away.", line=line)
    with _said_with_its_line(text):
        _walk(text)
        root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    if root is None:
        raise BadText("There is nothing in it yet.", line=1)
    return root


def _walk(text: str) -> None:
    """Refuse depth and number while they are only events: nothing has been made of them yet."""
    depth = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        values += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise BadText(f"That is nested more than {DEEPEST} levels deep.", line=_line(event))
        if values > MOST_EVENTS:
            raise _too_many(event)


@contextmanager
def _said_with_its_line(text: str) -> Iterator[None]:
    """What the reader complains of, in our words."""
    try:
        yield
    except yaml.MarkedYAMLError as exc:
        raise BadText(_said(exc), line=_blamed(exc, text)) from exc
    except (yaml.YAMLError, UnicodeError) as exc:
        at = getattr(exc, "position", getattr(exc, "start", 0))
        line = text.encode(errors="replace").count(b"\n", 0, at) + 1
        raise BadText(
            "That is not YAML: it holds a character that none may hold.", line=line
        ) from exc


def _blamed(exc: yaml.MarkedYAMLError, text: str) -> int:
    """The line to look at: what was never closed began before the end at which that was noticed."""
    mark = exc.problem_mark or exc.context_mark
    whole = text.rstrip()
    if mark and exc.context_mark and mark.index >= len(whole):
        mark = exc.context_mark
    return min(mark.line, whole.count("\n")) + 1 if mark else 0


def _said(exc: yaml.MarkedYAMLError) -> str:
    if exc.problem and "single document" in (exc.context or ""):
        return "One manifest at a time: take what follows `---` away."
    said = exc.problem or exc.context or "it cannot be read"
    return f"That is not YAML: {said}."


def _no_number(node: yaml.Node) -> BadText:
    sentence = "No program keeps a number like this one: put it in quotes, and it is text."
    return BadText(sentence, line=_line(node))


def _too_many(at: yaml.Node | yaml.Event) -> BadText:
    return BadText(f"That is more than {MOST_VALUES:,} values.", line=_line(at))


def _check(node: yaml.Node, sizes: dict[int, _Size]) -> _Size:
    """How much a node stands for once its aliases are written out; refuses what no JSON can be."""
    known = sizes.get(id(node))
    if known is BEING_COUNTED:
        raise BadText("An alias leads back into itself.", line=_line(node))
    if known is not None:
        return known
    if node.tag not in JSONS:
        shown = node.tag.replace(YAMLS, "!!")[:60]
        sentence = f"`{shown}` is not YAML that JSON could say: put the value in quotes instead."
        raise BadText(sentence, line=_line(node))
    sizes[id(node)] = BEING_COUNTED
    characters = len(node.value) if isinstance(node, yaml.ScalarNode) else 0
    if isinstance(node, yaml.MappingNode):
        characters = _check_keys(node)
    inner = [_check(each, sizes) for each in _inside(node)]
    size = _Size(1 + sum(i.values for i in inner), characters + sum(i.characters for i in inner))
    if size.values > MOST_VALUES:
        raise _too_many(node)
    if size.characters > LARGEST:
        sentence = f"With its aliases written out, that is more than {LARGEST // 1024} KiB."
        raise BadText(sentence, line=_line(node))
    sizes[id(node)] = size
    return size


def _check_keys(node: yaml.MappingNode) -> int:
    """How many characters the keys have; refuses what can be none."""
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == MERGE:
            continue
        if not isinstance(key, yaml.ScalarNode) or key.tag != TEXT:
            raise BadText("A key is a text: put it in quotes.", line=_line(key))
        if key.value in seen:
            raise BadText(f"`{key.value}` is there twice.", line=_line(key))
        seen.add(key.value)
    return sum(map(len, seen))


def _inside(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from (value for _, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _inner(node: yaml.Node, name: str, index: str) -> tuple[int, yaml.Node] | None:
    if index and isinstance(node, yaml.SequenceNode):
        items: Sequence[Any] = node.value
        at = int(index)
        return (_line(items[at]), items[at]) if at < len(items) else None
    if name and isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return _line(key), value
    return None


def _line(found: yaml.Node | yaml.Event) -> int:
    mark = found.start_mark
    return mark.line + 1 if mark else 0
