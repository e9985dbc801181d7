"""Which images does an object name, and where? The walk over the table of `places`.

Nothing here raises on any input: what has the wrong shape is a finding of its own, with its path.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from controlplane.objects import fingerprint

from .patches import CHECKED_EVERY, Check, Unreadable, nothing, read_all, read_one
from .places import KINDS, SHAPES, Each, Fields, Holds, Leaf, Values
from .verdict import Code

DEEPEST_INLINE = 20
_TEMPLATED = "a patch put together while it runs; write it out"
# For all texts of an object together: reading one costs far more than sending it.
LONGEST_TEXTS = 128 * 1024
MOST_TEXTS = 1000
MOST_FOUND = 1000  # each is judged and told; no object that people write comes near
LONGEST_NAME = 253  # of anything in Kubernetes; what is longer is shown by its beginning


class Found(msgspec.Struct, frozen=True, gc=False):
    """One image in one place, or what stands there instead of one."""

    path: str
    container: str
    image: str
    problem: Code | None = None  # SHAPE, PATCH, TEMPLATED: then there is no image to judge
    reason: str = ""
    source: str = ""  # what was not read, or a hash of it, to know it again; empty: never the same


@dataclass(frozen=True, slots=True)
class Findings:
    """All that an object says about images."""

    found: tuple[Found, ...]
    patched: bool = False  # a text was read as a manifest: the API server could not


def images_in(
    group: str,
    kind: str,
    manifest: Any,
    *,
    scan_manifests: bool = False,
    check: Check = nothing,
) -> tuple[Found, ...]:
    """Every image in the object, in the table's order; a kind without images has none."""
    return findings(group, kind, manifest, scan_manifests=scan_manifests, check=check).found


def findings(
    group: str,
    kind: str,
    manifest: Any,
    *,
    scan_manifests: bool = False,
    check: Check = nothing,
) -> Findings:
    """Every image in the object, and whether texts had to be read to find them.

    `check` is asked ever again, and what it raises ends the walk.
    """
    top = _TOPS.get((group, kind))
    if top is None:
        return Findings(())
    walk = _Walk(scan_manifests=scan_manifests, check=check)
    try:
        top.visit(walk, manifest, "", "")
    except _TooMany:
        read = [manifest.get(field) for field, _, _, _ in top.fields]
        reason = f"it names more than {MOST_FOUND:,} images; make several objects of it"
        walk.found.append(Found("", "", "", Code.SHAPE, reason, known_by(read)))
    return Findings(tuple(walk.found), patched=walk.patched)


def known_by(value: Any) -> str:
    """What is equal for the same value, and empty for one that nobody can write down."""
    try:
        return fingerprint(value)
    except (TypeError, ValueError, RecursionError):
        return ""


class _TooMany(Exception):
    """More was found than is worth telling."""


class _Walk:
    """What one walk over one object has found, and where it is."""

    __slots__ = (
        "check",
        "defaulted",
        "found",
        "inline",
        "patched",
        "room",
        "scan_manifests",
        "steps",
        "texts",
    )

    def __init__(self, *, scan_manifests: bool, check: Check) -> None:
        self.check = check
        self.steps = 0
        self.texts = 0
        self.found: list[Found] = []
        self.patched = False
        self.scan_manifests = scan_manifests
        self.inline = 0  # how many templates stand around this one
        self.room = LONGEST_TEXTS
        self.defaulted: frozenset[str] = frozenset()

    def malformed(self, path: str, name: str, wanted: str, value: Any) -> None:
        """Note that something else stands where `wanted` belongs."""
        reason = f"there must be {wanted}, not {_kind_of(value)}"
        self.note(path, name, Code.SHAPE, reason, known_by(value))

    def note(self, path: str, name: str, code: Code, reason: str, source: str = "") -> None:
        self.add(Found(path, name, "", code, reason, source))

    def add(self, found: Found) -> None:
        if len(self.found) >= MOST_FOUND:
            raise _TooMany
        self.found.append(found)

    def step(self) -> None:
        """One more value was looked at."""
        self.steps += 1
        if not self.steps % CHECKED_EVERY:
            self.check()

    def read(
        self, reader: Callable[[str, Check], list[Any]], text: Any, path: str, name: str
    ) -> list[Any]:
        """What the text says; nothing, and a finding, if it cannot be read."""
        if text == "":
            return []
        if type(text) is not str:
            self.malformed(path, name, "a text", text)
            return []
        self.check()
        self.patched = True
        self.room -= len(text)
        self.texts += 1
        reason = f"such texts are together over {LONGEST_TEXTS // 1024} KiB, or over {MOST_TEXTS:,}"
        if self.room >= 0 and self.texts <= MOST_TEXTS:
            try:
                return reader(text, self.check)
            except Unreadable as error:
                reason = str(error)
        self.note(path, name, Code.PATCH, reason, text)
        return []


class _Node:
    """Something a path leads to. `visit` is told a value, `missing` that there is none."""

    __slots__ = ()
    wanted = False  # whether its being missing means something

    def visit(self, walk: _Walk, value: Any, path: str, name: str) -> None:
        raise NotImplementedError

    def missing(self, walk: _Walk, path: str, name: str) -> None:
        """Nothing to say."""


class _Fields(_Node):
    """An object with the fields of a shape; their nodes are linked, nothing is looked up by name."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: tuple[tuple[str, str, bool, _Node], ...] = ()

    def link(self, fields: Iterable[tuple[str, _Node]], *, top: bool = False) -> None:
        self.fields = tuple(
            (field, field if top else f".{field}", node.wanted, node) for field, node in fields
        )

    def visit(self, walk: _Walk, value: Any, path: str, name: str) -> None:
        if type(value) is not dict and not isinstance(value, Mapping):
            walk.malformed(path, name, "an object", value)
            return
        walk.step()
        own = value.get("name")
        if type(own) is str:
            name = own[:LONGEST_NAME]
        for field, step, wanted, node in self.fields:
            inner = value.get(field)
            if inner is not None:
                node.visit(walk, inner, path + step, name)
            elif wanted:
                node.missing(walk, path + step, name)


class _Template(_Fields):
    """An Argo template, which may hold others inline."""

    __slots__ = ()

    def visit(self, walk: _Walk, value: Any, path: str, name: str) -> None:
        if walk.inline == DEEPEST_INLINE:
            reason = f"templates are nested deeper than {DEEPEST_INLINE} levels"
            walk.note(path, name, Code.SHAPE, reason, known_by(value))
            return
        walk.inline += 1
        super().visit(walk, value, path, name)
        walk.inline -= 1


class _WorkflowSpec(_Fields):
    """An Argo spec, whose defaults may name the images that its own templates leave out."""

    __slots__ = ()

    def visit(self, walk: _Walk, value: Any, path: str, name: str) -> None:
        outer, walk.defaulted = walk.defaulted, _defaulted(value)
        super().visit(walk, value, path, name)
        walk.defaulted = outer


class _List(_Node):
    __slots__ = ("of",)

    def __init__(self, of: _Node) -> None:
        self.of = of

    def visit(self, walk: _Walk, value: Any, path: str, name: str) -> None:
        if type(value) is not list:
            walk.malformed(path, name, "a list", value)
            return
        visit = self.of.visit
        for index, entry in enumerate(value):
            visit(walk, entry, f"{path}[{index}]", name)


class _Map(_Node):
    __slots__ = ("of",)

    def __init__(self, of: _Node) -> None:
        self.of = of

    def visit(self, walk: _Walk, value: Any, path: str, name: str) -> None:
        if not isinstance(value, Mapping):
            walk.malformed(path, name, "an object", value)
            return
        for key in sorted(value, key=str):
            called = str(key)[:LONGEST_NAME]
            self.of.visit(walk, value[key], f"{path}[{called!r}]", called)


class _InheritedImage(_Node):
    """An image that another object names if this one does not."""

    __slots__ = ()

    def visit(self, walk: _Walk, value: Any, path: str, name: str) -> None:
        if type(value) is str:
            walk.add(Found(path, name, value))
        else:
            walk.malformed(path, name, "a text", value)


class _Image(_InheritedImage):
    """An image that must be named here."""

    __slots__ = ()
    wanted = True

    def missing(self, walk: _Walk, path: str, name: str) -> None:
        walk.add(Found(path, name, ""))


class _DefaultImage(_Image):
    """An image that the defaults of the same spec may name instead."""

    __slots__ = ()

    def missing(self, walk: _Walk, path: str, name: str) -> None:
        if path.split(".")[-2] not in walk.defaulted:
            super().missing(walk, path, name)


class _Patch(_Node):
    __slots__ = ()

    def visit(self, walk: _Walk, value: Any, path: str, name: str) -> None:
        if type(value) is str and "{{" in value:
            # What Argo puts there may be a key, or end one text and begin the next.
            walk.note(path, name, Code.TEMPLATED, _TEMPLATED, value)
        for patch in walk.read(read_one, value, path, name):
            if patch is not None:
                _NODES["pod spec patch"].visit(walk, _folded(patch), f"{path}: spec", name)


class _Manifest(_Node):
    __slots__ = ()

    def visit(self, walk: _Walk, value: Any, path: str, name: str) -> None:
        if walk.scan_manifests:
            for manifest in walk.read(read_all, value, path, name):
                _embedded(walk, manifest, path)


def _embedded(walk: _Walk, manifest: Any, path: str) -> None:
    if not isinstance(manifest, dict):
        return
    group, kind = group_and_kind(manifest)
    items = manifest.get("items")
    if (group, kind) == ("", "List") and isinstance(items, list):
        for item in items:
            _embedded(walk, item, path)
    # A workflow that creates a workflow that …: read once, then left to its own admission.
    for found in images_in(group, kind, manifest, check=walk.check):
        walk.add(msgspec.structs.replace(found, path=f"{path}: {found.path}"))


def group_and_kind(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """The group (empty for the core) and kind an object says it is of."""
    version = manifest.get("apiVersion")
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    kind = manifest.get("kind")
    return group, kind if isinstance(kind, str) else ""


def _defaulted(spec: Any) -> frozenset[str]:
    """Which of a template's main containers get an image from the spec's defaults."""
    defaults = spec.get("templateDefaults") if isinstance(spec, Mapping) else None
    if not isinstance(defaults, Mapping):
        return frozenset()
    return frozenset(main for main in ("container", "script") if _names_image(defaults.get(main)))


def _names_image(container: Any) -> bool:
    image = container.get("image") if isinstance(container, Mapping) else None
    return isinstance(image, str) and bool(image.strip())


def _kind_of(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
    return "an object" if isinstance(value, Mapping) else "something else"


def _folded(value: Any) -> Any:
    """The same with its keys as we write them: Argo's decoder takes them in any case."""
    match value:
        case dict():
            return {_SPELT.get(k.casefold(), k): _folded(v) for k, v in value.items()}
        case list():
            return [_folded(entry) for entry in value]
    return value


_LEAVES: Mapping[Leaf, _Node] = {
    Leaf.IMAGE: _Image(),
    Leaf.DEFAULT_IMAGE: _DefaultImage(),
    Leaf.INHERITED_IMAGE: _InheritedImage(),
    Leaf.PATCH: _Patch(),
    Leaf.MANIFEST: _Manifest(),
}
_SPECIAL: Mapping[str, type[_Fields]] = {
    "template": _Template,
    "stored template": _Template,
    "workflow spec": _WorkflowSpec,
}
_NODES: Mapping[str, _Fields] = {name: _SPECIAL.get(name, _Fields)() for name in SHAPES}


def _node(holds: Holds) -> _Node:
    match holds:
        case Each(of):
            return _List(_node(of))
        case Values(of):
            return _Map(_node(of))
        case Leaf():
            return _LEAVES[holds]
    return _NODES[holds]


def _top(fields: Fields) -> _Fields:
    top = _Fields()
    top.link(((field, _node(holds)) for field, holds in fields.items()), top=True)
    return top


for _name, _shape in _NODES.items():
    _shape.link((field, _node(holds)) for field, holds in SHAPES[_name].items())
_TOPS = {key: _top(kind.fields) for key, kind in KINDS.items()}
_SPELT = {
    field.casefold(): field
    for shape in ("pod spec patch", "partial container", "partial volume", "partial image volume")
    for field in (*SHAPES[shape], "name")
}
