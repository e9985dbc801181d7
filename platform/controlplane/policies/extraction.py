"""Which images does an object name, and where? The walk over the table of `places`.

Nothing here raises on any input: what has the wrong shape is a finding of its own, with its path.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .patches import Unreadable, read_all, read_one
from .places import KINDS, SHAPES, Each, Holds, Leaf, Values
from .verdict import Code

DEEPEST_INLINE = 20
# For all texts of an object together: reading one costs far more than sending it.
LONGEST_TEXTS = 128 * 1024


class Found(NamedTuple):
    """One image in one place, or what stands there instead of one."""

    path: str
    container: str
    image: str
    problem: Code | None = None  # SHAPE or PATCH: then there is no image to judge
    reason: str = ""
    source: str = ""  # the unreadable text, to know it again


@dataclass(frozen=True, slots=True)
class Findings:
    """All that an object says about images."""

    found: tuple[Found, ...]
    patched: bool = False  # a text was read as a manifest: the API server could not


def images_in(
    group: str, kind: str, manifest: Any, *, scan_manifests: bool = False
) -> tuple[Found, ...]:
    """Every image in the object, in the table's order; a kind without images has none."""
    return findings(group, kind, manifest, scan_manifests=scan_manifests).found


def findings(group: str, kind: str, manifest: Any, *, scan_manifests: bool = False) -> Findings:
    """Every image in the object, and whether texts had to be read to find them."""
    known = KINDS.get((group, kind))
    if known is None:
        return Findings(())
    walk = _Walk(scan_manifests=scan_manifests)
    if isinstance(manifest, Mapping):
        walk.fields(_LINKED[group, kind], manifest, "", "")
    else:
        walk.malformed("", "", "an object", manifest)
    return Findings(tuple(walk.found), patched=walk.patched)


class _Shape:
    """A shape with its fields linked, so that the walk looks nothing up by name."""

    __slots__ = ("fields", "has_defaults", "is_template")

    def __init__(self, name: str = "") -> None:
        self.fields: tuple[tuple[str, _Linked], ...] = ()
        self.is_template = name in {"template", "stored template"}
        self.has_defaults = name == "workflow spec"


class _List(NamedTuple):
    of: "_Linked"


class _Map(NamedTuple):
    of: "_Linked"


_Linked = Leaf | _List | _Map | _Shape


class _Walk:
    """One walk over one object."""

    __slots__ = ("_defaulted", "_inline", "_room", "_scan_manifests", "found", "patched")

    def __init__(self, *, scan_manifests: bool) -> None:
        self.found: list[Found] = []
        self.patched = False
        self._scan_manifests = scan_manifests
        self._inline = 0
        self._room = LONGEST_TEXTS
        self._defaulted: frozenset[str] = frozenset()

    def fields(self, shape: _Shape, values: Mapping[str, Any], path: str, name: str) -> None:
        """Every field of `shape` that `values` has."""
        for field, holds in shape.fields:
            value = values.get(field)
            if value is None and type(holds) is not Leaf:
                continue
            self._one(holds, value, f"{path}.{field}" if path else field, name)

    def malformed(self, path: str, name: str, wanted: str, value: Any) -> None:
        """Note that something else stands where `wanted` belongs."""
        reason = f"there must be {wanted}, not {_kind_of(value)}"
        self.found.append(Found(path, name, "", Code.SHAPE, reason))

    def _one(self, holds: _Linked, value: Any, path: str, name: str) -> None:
        if type(holds) is _Shape:
            self._shape(holds, value, path, name)
        elif type(holds) is _List:
            self._list(holds.of, value, path, name)
        elif type(holds) is _Map:
            self._map(holds.of, value, path)
        elif isinstance(holds, Leaf):
            self._leaf(holds, value, path, name)

    def _shape(self, shape: _Shape, value: Any, path: str, name: str) -> None:
        if type(value) is not dict and not isinstance(value, Mapping):
            self.malformed(path, name, "an object", value)
            return
        own = value.get("name")
        if type(own) is str:
            name = own
        if shape.is_template:
            self._template(shape, value, path, name)
        elif shape.has_defaults:
            outer, self._defaulted = self._defaulted, _defaulted(value)
            self.fields(shape, value, path, name)
            self._defaulted = outer
        else:
            self.fields(shape, value, path, name)

    def _template(self, shape: _Shape, value: Mapping[str, Any], path: str, name: str) -> None:
        if self._inline == DEEPEST_INLINE:
            reason = f"templates are nested deeper than {DEEPEST_INLINE} levels"
            self.found.append(Found(path, name, "", Code.SHAPE, reason))
            return
        self._inline += 1
        self.fields(shape, value, path, name)
        self._inline -= 1

    def _list(self, of: _Linked, values: Any, path: str, name: str) -> None:
        if type(values) is not list:
            self.malformed(path, name, "a list", values)
            return
        for index, value in enumerate(values):
            self._one(of, value, f"{path}[{index}]", name)

    def _map(self, of: _Linked, values: Any, path: str) -> None:
        if not isinstance(values, Mapping):
            self.malformed(path, "", "an object", values)
            return
        for key in sorted(values, key=str):
            self._one(of, values[key], f"{path}[{str(key)!r}]", str(key))

    def _leaf(self, leaf: Leaf, value: Any, path: str, name: str) -> None:
        if leaf is Leaf.PATCH:
            self._patch(value, path, name)
        elif leaf is Leaf.MANIFEST:
            self._manifest(value, path, name)
        elif type(value) is str:
            self.found.append(Found(path, name, value))
        elif value is not None:
            self.malformed(path, name, "a text", value)
        elif leaf is Leaf.IMAGE or (leaf is Leaf.DEFAULT_IMAGE and not self._has_default(path)):
            self.found.append(Found(path, name, ""))

    def _has_default(self, path: str) -> bool:
        return path.split(".")[-2] in self._defaulted

    def _patch(self, text: Any, path: str, name: str) -> None:
        for values in self._read(read_one, text, path, name):
            if values is not None:
                self._shape(_PATCH, _folded(values), f"{path}: spec", name)

    def _manifest(self, text: Any, path: str, name: str) -> None:
        if self._scan_manifests:
            for manifest in self._read(read_all, text, path, name):
                self._embedded(manifest, path)

    def _read(
        self, reader: Callable[[str], list[Any]], text: Any, path: str, name: str
    ) -> list[Any]:
        """What the text says; nothing, and a finding, if it cannot be read."""
        if text is None or text == "":
            return []
        if type(text) is not str:
            self.malformed(path, name, "a text", text)
            return []
        self.patched = True
        self._room -= len(text)
        reason = f"all such texts are together over {LONGEST_TEXTS // 1024} KiB"
        if self._room >= 0:
            try:
                return reader(text)
            except Unreadable as error:
                reason = str(error)
        self.found.append(Found(path, name, "", Code.PATCH, reason, text))
        return []

    def _embedded(self, manifest: Any, path: str) -> None:
        if not isinstance(manifest, dict):
            return
        group, kind = group_and_kind(manifest)
        items = manifest.get("items")
        if (group, kind) == ("", "List") and isinstance(items, list):
            for item in items:
                self._embedded(item, path)
        # A workflow that creates a workflow that …: read once, then left to its own admission.
        inner = images_in(group, kind, manifest)
        self.found += [one._replace(path=f"{path}: {one.path}") for one in inner]


def group_and_kind(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """The group (empty for the core) and kind an object says it is of."""
    version = manifest.get("apiVersion")
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    kind = manifest.get("kind")
    return group, kind if isinstance(kind, str) else ""


def _defaulted(spec: Mapping[str, Any]) -> frozenset[str]:
    """Which of a template's main containers get an image from the spec's defaults."""
    defaults = spec.get("templateDefaults")
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


def _link() -> dict[str, _Shape]:
    shapes = {name: _Shape(name) for name in SHAPES}

    def linked(holds: Holds) -> _Linked:
        match holds:
            case Each(of):
                return _List(linked(of))
            case Values(of):
                return _Map(linked(of))
            case str():
                return shapes[holds]
        return holds

    for name, shape in shapes.items():
        shape.fields = tuple((field, linked(holds)) for field, holds in SHAPES[name].items())
    return shapes


_SHAPES = _link()
_PATCH = _SHAPES["pod spec patch"]
_SPELT = {
    field.casefold(): field
    for shape in ("pod spec patch", "partial container", "partial volume", "partial image volume")
    for field in (*SHAPES[shape], "name")
}


def _top(group: str, kind: str) -> _Shape:
    top = _Shape()
    fields = KINDS[group, kind].fields
    top.fields = tuple((field, _SHAPES[str(holds)]) for field, holds in fields.items())
    return top


_LINKED = {key: _top(*key) for key in KINDS}
