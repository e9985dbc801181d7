"""Which objects are fine at first glance? Those whose every image is pinned, plainly spelt and allowed.

Nearly all pods are such, and taking their images apart step by step costs the API server five times
as much as this. It only ever says yes: whatever it does not know goes the long way.
"""

from collections.abc import Iterator

from controlplane.policies.extraction import MOST_FOUND
from controlplane.policies.references import HUB, LEGACY_HUB, LONGEST_PATH

from . import cel, grammar
from .cel import quoted as q
from .reading import Variable, variable
from .tables import FIELDS, NOBODY, Table

SHORT_ENOUGH = LONGEST_PATH  # of image and container together: then each part is


def variables(rules: Table, found: str, wanted: str) -> Iterator[Variable]:
    r"""`quick`: all of `found` (a CEL list of `<image>\t<container>`) may run, seen at a glance.

    `wanted` says whether the team's rules let a glance be enough.
    """
    blocks = f"variables.row[{FIELDS.index('allow')}].split(' ')"
    texts = f"{blocks}.map(b, {rules.lookup('b', q(NOBODY))})"
    yield variable("allowed", f"{texts}.join('\\n').replace('\\t', '\\n').split('\\n')")
    plain = f"e.size() <= {SHORT_ENOUGH} && e.matches({q(grammar.PLAINLY_PINNED)})"
    # No port is in it: the name ends where a tag or the digest begins.
    yield variable("names", f"{found}.map(e, {plain} ? e.find('^[^:@]+') : '')")
    yield variable(
        "quick",
        cel.all_of((
            wanted,
            f"{found}.size() <= {MOST_FOUND}",
            f"variables.names.all(n, {_allowed()} && {_one_spelling()})",
        )),
    )  # fmt: skip


def _allowed() -> str:
    """By its name, its folder or its registry. `in` is one call, where looping is a dozen."""
    folder = "n.substring(0, n.lastIndexOf('/') + 1)"
    registry = "n.substring(0, n.indexOf('/') + 1)"
    return f"n != '' && ({cel.any_of(f'{each} in variables.allowed' for each in ('n', folder, registry))})"


def _one_spelling() -> str:
    """Docker Hub has short names and a second address; those are for the long way."""
    short = f"n.startsWith({q(f'{HUB}/')}) && !n.substring({len(HUB) + 1}).contains('/')"
    return f"!n.startsWith({q(f'{LEGACY_HUB}/')}) && !({short})"
