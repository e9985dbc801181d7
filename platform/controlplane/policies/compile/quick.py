"""Which objects are fine at first glance? Those whose every image is pinned, plainly spelt and allowed.

Nearly all pods are such, and taking their images apart step by step costs the API server five times
as much as this. It only ever says yes: whatever it does not know goes the long way.
"""

from collections.abc import Iterator

from controlplane.policies.extraction import MOST_FOUND
from controlplane.policies.places import SHAPES, Each, Leaf
from controlplane.policies.references import HUB, LEGACY_HUB, LONGEST_PATH

from . import cel, grammar
from .cel import quoted as q
from .reading import Variable, variable
from .tables import FIELDS, NOBODY, Table

SHORT_ENOUGH = LONGEST_PATH  # of all of it: then each part is
PINNED_ENTRY = grammar.PLAINLY_PINNED.replace("$", r"\t[^\t]*$")  # with its container after it


def variables(rules: Table, found: str, wanted: str) -> Iterator[Variable]:
    r"""`quick`: all of `found` (a CEL list of `<image>\t<container>`) may run, seen at a glance.

    `wanted` says whether the team's rules let a glance be enough.
    """
    yield _allowed(rules)
    plain = f"e.size() <= {SHORT_ENOUGH} && e.matches({q(PINNED_ENTRY)})"
    yield variable("names", f"{found}.map(e, {plain} ? {_name('e')} : '')")
    yield variable(
        "quick",
        cel.all_of((
            wanted,
            f"{found}.size() <= {MOST_FOUND}",
            f"variables.names.all(n, n != '' && {_may_run()})",
        )),
    )  # fmt: skip


def variables_of_pods(rules: Table, wanted: str) -> Iterator[Variable]:
    """The same of a pod, where its images are: no list of them is made, which is half of the work.

    Pods are typed: nothing in them is null.
    """
    image = "c.image"
    lists, others = [], []
    for called, holds in SHAPES["pod spec"].items():
        assert isinstance(holds, Each)
        assert isinstance(holds.of, str)
        entries, inner = f"object.spec.?{called}.orValue([])", SHAPES[holds.of]
        if inner == {"image": Leaf.IMAGE}:
            lists.append(entries)
        else:
            others += [f"{entries}.all(v, !has(v.{field}))" for field in inner]
    passes = cel.all_of((
        f"has({image})",
        f"{image}.size() <= {SHORT_ENOUGH}",
        f"{image}.matches({q(grammar.PLAINLY_PINNED)})",
        f"[{_name(image)}].all(n, {_may_run()})",
    ))  # fmt: skip
    yield _allowed(rules)
    yield variable(
        "quick",
        cel.all_of((
            wanted,
            f"{' + '.join(f'{each}.size()' for each in lists)} <= {MOST_FOUND}",
            *others,
            *(f"{each}.all(c, {passes})" for each in lists),
        )),
    )  # fmt: skip


def _allowed(rules: Table) -> Variable:
    blocks = f"variables.row[{FIELDS.index('allow')}].split(' ')"
    texts = f"{blocks}.map(b, {rules.lookup('b', q(NOBODY))})"
    return variable("allowed", f"{texts}.join('\\n').replace('\\t', '\\n').split('\\n')")


def _name(image: str) -> str:
    """No port is in it: the name ends where a tag or the digest begins."""
    return f"{image}.find('^[^:@]+')"


def _may_run() -> str:
    """Of the name `n`: itself, its folder or its registry. `in` is one call, where looping is a dozen."""
    folder = "n.substring(0, n.lastIndexOf('/') + 1)"
    registry = "n.substring(0, n.indexOf('/') + 1)"
    allowed = cel.any_of(f"{each} in variables.allowed" for each in ("n", folder, registry))
    return f"({allowed}) && {_one_spelling()}"


def _one_spelling() -> str:
    """Docker Hub has short names and a second address; those are for the long way."""
    short = f"n.startsWith({q(f'{HUB}/')}) && !n.substring({len(HUB) + 1}).contains('/')"
    return f"!n.startsWith({q(f'{LEGACY_HUB}/')}) && !({short})"
