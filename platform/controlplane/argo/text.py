"""A manifest as somebody typed it: read strictly, with the line of whatever is wrong with it.

YAML can say more than JSON, and more than is good: a few lines of aliases may stand for gigabytes, a key may
be there twice, a date is no text. What comes out is JSON's own, of a bounded size.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from controlplane.errors import DomainError
from controlplane.kube.errors import Refused
from controlplane.objects import Manifest

LONGEST = 512 * 1024
MOST_VALUES = 50_000
END = "'<stream end>'"
MERGE = "tag:yaml.org,2002:merge"
TIME = "tag:yaml.org,2002:timestamp"
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


class _Loader(yaml.SafeLoader):
    """Times stay text, as Kubernetes' own reader has it."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIME]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parsed(text: str) -> Manifest:
    """The one object that the text is."""
    root = _tree(text)
    _check(root, {})
    with _said_with_its_line(text):
        found = _Loader(text).get_single_data()
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
    return [
        Problem(f"{field}: {words}" if field not in words else words, line_of(field, text))
        for field, words in said
    ]


def line_of(field: str, text: str) -> int:
    """The line of a field such as `spec.templates[0].name`, or of what is nearest above it; 0 if none."""
    try:
        node = _tree(text)
    except BadText:
        return 0
    line = 0
    for name, index in STEP.findall(field):
        found = _inner(node, name, index)
        if found is None:
            break
        line, node = found
    return line


def _tree(text: str) -> yaml.Node:
    if len(text) > LONGEST:
        raise BadText(f"That is more than {LONGEST // 1024} KiB: too long for a manifest.")
    with _said_with_its_line(text):
        root = yaml.compose(text, Loader=_Loader)
    if root is None:
        raise BadText("There is nothing in it yet.", line=1)
    return root


@contextmanager
def _said_with_its_line(text: str) -> Iterator[None]:
    """What the reader complains of, in our words."""
    try:
        yield
    except yaml.MarkedYAMLError as exc:
        at_end = END in (exc.problem or "")  # what was never closed began somewhere else
        mark = (exc.context_mark if at_end else None) or exc.problem_mark or exc.context_mark
        last = text.rstrip().count("\n") + 1
        raise BadText(_said(exc), line=min(mark.line + 1, last) if mark else 0) from exc
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        raise BadText(
            "That is not YAML: it holds characters, numbers or depths that none may hold."
        ) from exc


def _said(exc: yaml.MarkedYAMLError) -> str:
    if exc.problem and "single document" in (exc.context or ""):
        return "One manifest at a time: take what follows `---` away."
    said = exc.problem or exc.context or "it cannot be read"
    return f"That is not YAML: {said.replace(END, 'the end')}."


def _check(node: yaml.Node, sizes: dict[int, int]) -> int:
    """How many values a node stands for once its aliases are written out; refuses what no JSON can be."""
    known = sizes.get(id(node))
    if known is not None:
        if not known:
            raise BadText("An alias leads back into itself.", line=_line(node))
        return known
    sizes[id(node)] = 0  # being counted
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
    size = 1 + sum(_check(inner, sizes) for inner in _inside(node))
    if size > MOST_VALUES:
        raise BadText(f"That is more than {MOST_VALUES:,} values.", line=_line(node))
    sizes[id(node)] = size
    return size


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == MERGE:
            continue
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            raise BadText("A key is a text: put it in quotes.", line=_line(key))
        if key.value in seen:
            raise BadText(f"`{key.value}` is there twice.", line=_line(key))
        seen.add(key.value)


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


def _line(node: yaml.Node) -> int:
    mark = node.start_mark
    return mark.line + 1 if mark else 0
