r"""Where does CEL find an object's images? One expression per kind, written from the table of places.

It is a list of texts `<image>\t<container>`. Argo's templates stand in one another, and CEL before
Kubernetes 1.34 has no way to flatten lists: what is nested is joined into one text with a newline
between, and split again. So a newline inside an image is told as a space: neither is the name of an
image.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from controlplane.policies.places import SHAPES, Each, Fields, Holds, Leaf, Values

from . import cel

IMAGES = frozenset({Leaf.IMAGE, Leaf.DEFAULT_IMAGE, Leaf.INHERITED_IMAGE})
PATCHES = frozenset({Leaf.PATCH})
# Templates inside templates are followed so deep; what lies deeper is refused as unreadable.
DEEPEST_INLINE = 2
TOO_DEEP = "(templates nested too deep)"
_STEPS = frozenset({"steps", "dag"})
_DEFAULTED = ("container", "script")


def listed(fields: Fields, top: str, leaves: frozenset[Leaf]) -> str:
    """All texts of these leaves in the object that `top` names: a CEL list of strings."""
    walk = _Walk(leaves)
    found = list(walk.of(fields, top, name="''", depth=0))
    if not walk.nested:
        return cel.added(found)
    return f"({cel.added(found)}).join('\\n').split('\\n').filter(e, e != '')"


def chunks(fields: Fields, top: str, leaves: frozenset[Leaf]) -> list[str]:
    """As `listed`, in several lists: the API server reads ten small expressions faster than one large."""
    found: list[str] = []
    for path, holds in _branches(fields, top, leaves):
        holder, _, called = path.rpartition(".")
        walk = _Walk(leaves, defaults="" if holder.endswith("status") else holder)
        lists = list(walk.of({called: holds}, holder, name="''", depth=0))
        for each in lists:
            text = f"{each}.join('\\n').split('\\n').filter(e, e != '')" if walk.nested else each
            guard = [cel.there(*outer.rsplit(".", 1)) for outer in _outer(holder) if "." in outer]
            found.append(f"({cel.all_of(guard)} ? {text} : [])" if guard else text)
    return found


def deep(fields: Fields, top: str) -> list[str]:
    """The paths, of those that `chunks` reads, below which something may be nested too deep."""
    below = ((path, _Walk(IMAGES), holds) for path, holds in _branches(fields, top, IMAGES))
    return [
        path
        for path, walk, holds in below
        if any(TOO_DEEP in text for text in walk.of({"x": holds}, "x", name="''", depth=0))
    ]


def _branches(fields: Fields, top: str, leaves: frozenset[Leaf]) -> Iterator[tuple[str, Holds]]:
    """The fields below which objects branch no more, each by its path."""
    for called, holds in fields.items():
        path = f"{top}.{called}"
        if isinstance(holds, str) and holds in _BRANCHES:
            yield from _branches(SHAPES[holds], path, leaves)
        else:
            yield path, holds


def _outer(path: str) -> list[str]:
    """Every object on the way to a field, from the outside in."""
    steps = path.split(".")
    return [".".join(steps[:n]) for n in range(1, len(steps) + 1)]


_BRANCHES = frozenset({"pod spec", "workflow spec", "workflow status", "cron workflow"})


@dataclass
class _Walk:
    leaves: frozenset[Leaf]
    nested: bool = False
    defaults: str = ""  # the spec whose defaults fill in for a template
    _numbers: Iterator[int] = field(default_factory=count)

    def of(self, fields: Fields, at: str, *, name: str, depth: int) -> Iterator[str]:
        """A CEL list for each field that can hold such a leaf."""
        for called, holds in fields.items():
            if called in _STEPS and fields.keys() >= _STEPS:
                if called == "steps" and self._leads_to(holds, frozenset()):
                    yield self._steps(at, name=name, depth=depth)
            elif called == "inline" and depth == DEEPEST_INLINE:
                yield from self._too_deep(at, name)
            elif self._leads_to(holds, frozenset()):
                deeper = depth + (called == "inline")
                yield from self._field(at, called, holds, name=name, depth=deeper)

    def _too_deep(self, at: str, name: str) -> Iterator[str]:
        if self.leaves is IMAGES:
            said = cel.quoted(f"{TOO_DEEP}\t")
            yield f"({cel.there(at, 'inline')} ? [{said} + {name}] : [])"

    def _steps(self, at: str, *, name: str, depth: int) -> str:
        # Both hold steps, which hold templates: written once, or each depth would double the text.
        tasks = f"({cel.there(at, 'dag')} ? [{cel.list_in(f'{at}.dag', 'tasks')}] : [])"
        groups = f"({cel.list_in(at, 'steps')} + {tasks})"
        return self._each(groups, Each("step"), "{0}", name=name, depth=depth)

    def _field(self, at: str, called: str, holds: Holds, *, name: str, depth: int) -> Iterator[str]:
        here = f"{at}.{called}"
        match holds:
            case Leaf():
                if holds in self.leaves:
                    yield self._leaf(at, called, holds, name)
            case Each(of):
                yield self._each(cel.list_in(at, called), of, "{0}", name=name, depth=depth)
            case Values(of):
                there = f"({cel.there(at, called)} ? {here} : {{}})"
                yield self._each(there, of, f"{here}[{{0}}]", name=name, depth=depth)
            case str():
                inner = cel.added(self._shape(holds, here, name=name, depth=depth))
                yield f"({cel.there(at, called)} ? {inner} : [])"

    def _each(self, many: str, of: Holds, entry: str, *, name: str, depth: int) -> str:
        var = f"v{next(self._numbers)}"
        if isinstance(of, Each):
            inner = self._each(var, of.of, "{0}", name=name, depth=depth)
        else:
            assert isinstance(of, str)  # the table has no lists of leaves
            at = entry.format(var)
            if self.leaves is IMAGES and (plain := _only_text(of)):
                # A list of containers is a list of texts: nothing to join.
                return f"{many}{_alone(plain, at, var)}"
            inner = cel.added(self._shape(of, entry.format(var), name=name, depth=depth))
        self.nested = True
        return f"{many}.map({var}, ({inner}).join('\\n'))"

    def _shape(self, shape: str, at: str, *, name: str, depth: int) -> Iterator[str]:
        outer = self.defaults
        if shape == "workflow spec":
            self.defaults = at
        fields = SHAPES[shape]
        # Argo's containers may go without a name; such a one is known by its template's.
        unnamed = name if shape.endswith("container") else "''"
        named = _name(at, unnamed) if shape in _NAMED else name
        yield from self.of(fields, at, name=named, depth=depth)
        self.defaults = outer

    def _leaf(self, at: str, called: str, leaf: Leaf, name: str) -> str:
        text = f"{at}.{called}"
        entry = _entry(text, name)
        if leaf is Leaf.IMAGE:
            return f"[{_entry(cel.text_in(at, called), name)}]"
        if leaf is Leaf.DEFAULT_IMAGE:
            return f"({cel.there(at, called)} ? [{entry}] : {self._default(at, name)})"
        if leaf in IMAGES:
            return f"({cel.there(at, called)} ? [{entry}] : [])"
        return f"({cel.there(at, called)} && {text} != '' ? [{text}.replace('\\n', ' ')] : [])"

    def _default(self, at: str, name: str) -> str:
        blank = f"['\\t' + {name}]"
        main = at.rpartition(".")[2]
        if not self.defaults or main not in _DEFAULTED:
            return blank
        spec = self.defaults
        held = f"{spec}.templateDefaults"
        named = cel.all_of((
            cel.there(spec, "templateDefaults"),
            cel.there(held, main),
            cel.there(f"{held}.{main}", "image"),
            f"{held}.{main}.image.trim() != ''",
        ))  # fmt: skip
        return f"({named} ? [] : {blank})"

    def _leads_to(self, holds: Holds, seen: frozenset[str]) -> bool:
        match holds:
            case Leaf():
                return holds in self.leaves
            case Each(of) | Values(of):
                return self._leads_to(of, seen)
        if holds in seen:
            return False
        return any(self._leads_to(inner, seen | {holds}) for inner in SHAPES[holds].values())


_NAMED = frozenset(
    {"template", "stored template", "main container", "container", "partial container"}
)


@dataclass(frozen=True)
class _Text:
    path: tuple[str, ...]
    wanted: bool
    named: bool  # whether what holds it has a name of its own


def _only_text(shape: str) -> _Text | None:
    """The one image of a shape that holds no more, and whether it must be there."""
    fields = list(SHAPES[shape].items())
    if len(fields) != 1:
        return None
    (called, holds), *_ = fields
    if holds in {Leaf.IMAGE, Leaf.INHERITED_IMAGE}:
        return _Text((called,), holds is Leaf.IMAGE, shape in _NAMED)
    inner = _only_text(holds) if isinstance(holds, str) else None
    return _Text((called, *inner.path), inner.wanted, inner.named) if inner else None


def _alone(text: _Text, at: str, var: str) -> str:
    """What follows a list: of its entries those that hold the image, and the image of each."""
    *path, last = text.path
    holder = at
    needed: list[str] = []
    for step in path:
        needed.append(cel.there(holder, step))
        holder = f"{holder}.{step}"
    if not text.wanted:
        needed.append(cel.there(holder, last))
    kept = f".filter({var}, {cel.all_of(needed)})" if needed else ""
    name = _name(holder if text.named else at)
    return f"{kept}.map({var}, {_entry(cel.text_in(holder, last), name)})"


def _name(at: str, otherwise: str = "''") -> str:
    return f"{at}.?name.orValue({otherwise})"


def _entry(image: str, name: str) -> str:
    if name != "''":  # Argo's templates may be called anything
        name = f"({name}).replace('\\t', ' ').replace('\\n', ' ')"
    return f"{image}.replace('\\n', ' ') + '\\t' + {name}"
