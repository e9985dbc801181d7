"""Anything at all, under keys of a team's own choosing: text or bytes."""

from collections.abc import Iterator, Mapping
from typing import Any

from . import Field, Held, Problem, Role, Tried

KIND = "opaque"
TITLE = "Anything else"
ABOUT = "Keys and values of your own, for your workflows to mount or read."
FIELDS: tuple[Field, ...] = ()
TYPE = "Opaque"
ROLE: Role = "workload"
ONE_A_NAMESPACE = False
TESTED = ""


def problems(held: Held) -> Iterator[Problem]:
    """It holds something."""
    if not held.values:
        yield Problem("values", "Give at least one key with its value.")


def data(held: Held) -> Mapping[str, bytes]:
    """As it was given."""
    return held.values


def wiring(name: str, settings: Mapping[str, str]) -> Mapping[str, Any]:  # noqa: ARG001 - a kind's form
    """Argo's configuration names it nowhere."""
    return {}


def belongs_to(settings: Mapping[str, str]) -> str:  # noqa: ARG001 - a kind's form
    """Nothing that we know of."""
    return ""


def test(held: Held) -> Tried:  # noqa: ARG001 - a kind's form
    """What it is for is not known here."""
    return Tried(works=False, sentence="What this opens is known to your workflows alone.")
