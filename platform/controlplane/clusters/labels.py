"""Which labels a cluster may have: what requests choose by, so each must mean one thing to everybody.

`region`, `zone` and `environment` are the ones that every platform has; others are the platform team's
own. They are spelled as Kubernetes spells labels, so that `key=value` has one reading everywhere.
"""

import re
from collections.abc import Iterable, Mapping

from controlplane.errors import DomainError

KNOWN = ("region", "zone", "environment")
MOST = 32
KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?\Z")
VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?\Z")


class BadLabels(DomainError):
    """A label that nobody could ask for; the sentence names it."""

    code = "bad_labels"


def checked(labels: object) -> dict[str, str]:
    """The labels, in the order of their keys. Raises BadLabels naming the first that cannot be."""
    if not isinstance(labels, Mapping):
        raise _bad('Labels are an object of texts: {"region": "eu"}.')
    if len(labels) > MOST:
        raise _bad(f"A cluster has at most {MOST} labels; these are {len(labels)}.")
    for key, value in labels.items():
        if not isinstance(key, str) or not KEY.match(key):
            raise _bad(
                f"{_short(key)} cannot be a label's key: up to 63 lower-case letters, digits, `-`, `_` "
                "and `.`, with a letter or digit at both ends (a prefix like `example.com/` may stand "
                "before it)."
            )
        if key.partition("/")[0] == "argosy.dev":
            raise _bad(f"{key} is the platform's own; choose another key.")
        if not isinstance(value, str) or not VALUE.match(value):
            raise _bad(
                f"{_short(value)} cannot be the value of {key}: up to 63 letters, digits, `-`, `_` and "
                "`.`, with a letter or digit at both ends."
            )
    return {key: labels[key] for key in sorted(labels)}


def parsed(pairs: Iterable[str]) -> dict[str, str]:
    """Labels written `key=value`, as in a terminal. Raises BadLabels."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise _bad(f"{_short(pair)} is no label: write KEY=VALUE.")
        if found.setdefault(key, value) != value:
            raise _bad(f"{_short(key)} is given twice, as {found[key]} and as {_short(value)}.")
    return checked(found)


def _bad(sentence: str) -> BadLabels:
    return BadLabels(sentence, field="labels")


def _short(value: object) -> str:
    return repr(value)[:80]
