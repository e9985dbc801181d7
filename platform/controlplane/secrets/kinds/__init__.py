"""The kinds of secret: each one a file of this folder, found by listing it.

A kind says what a person fills in (`FIELDS`; none: keys of their own choosing), what of that is wrong
(`problems`), what the Kubernetes Secret holds (`TYPE`, `data`), in which of a team's namespaces it belongs
(`ROLE`, `ONE_A_NAMESPACE`), what Argo's configuration names of it (`wiring`), which thing outside no two
teams may share (`belongs_to`), and how to try it (`test`). To add one, copy `s3.py`. Tests of kinds
are in `tests/controlplane/secrets/`: `test_keeping.py` (what they take), `test_delivering.py` (what comes
of it in a cluster), `test_trying.py` (how they are tried), `test_canary.py` (that nothing of them is told).
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

from controlplane.errors import DomainError
from controlplane.listing import kinds_in
from controlplane.secrets.verdict import Tried

__all__ = ["Field", "Held", "Kind", "Problem", "Role", "Tried", "kind_of", "kinds", "names"]

Role = Literal["workload", "control"]


@dataclass(frozen=True)
class Field:
    """One thing that a person fills in. What is secret is kept sealed and never shown again."""

    name: str
    label: str
    help: str = ""
    secret: bool = False
    required: bool = True
    choices: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True)
class Held:
    """What a version holds: settings, which may be shown, and values, which may not."""

    settings: Mapping[str, str]
    values: Mapping[str, bytes]

    def __repr__(self) -> str:
        """Without the values: what is shown in a log or a traceback is shown to somebody."""
        return f"Held({dict(self.settings)!r}, {len(self.values)} values)"

    def text(self, name: str) -> str:
        """A value that is a text, as passwords are."""
        return self.values[name].decode()


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field."""

    field: str
    sentence: str


class Kind(Protocol):
    """What a module of this folder offers."""

    KIND: str
    TITLE: str
    ABOUT: str
    FIELDS: tuple[Field, ...]
    TYPE: str
    ROLE: Role
    ONE_A_NAMESPACE: bool  # Argo's configuration has room for one
    TESTED: str  # what `test` does, in words for the button's side; '' if there is nothing to try

    def problems(self, held: Held) -> Iterator[Problem]: ...
    def data(self, held: Held) -> Mapping[str, bytes]: ...
    def wiring(self, name: str, settings: Mapping[str, str]) -> Mapping[str, Any]: ...
    def belongs_to(self, settings: Mapping[str, str]) -> str: ...
    def test(self, held: Held) -> Tried: ...


class NoSuchKind(DomainError):
    """There is no kind of this name."""

    code = "no_such_kind"


@lru_cache(maxsize=1)
def kinds() -> Mapping[str, Kind]:
    """Every kind there is, by name."""
    return kinds_in(sys.modules[__name__])


def kind_of(name: str) -> Kind:
    """The kind of this name. Raises NoSuchKind that lists what there is."""
    try:
        return kinds()[name]
    except KeyError:
        offered = ", ".join(sorted(kinds()))
        raise NoSuchKind(
            f"There is no kind of secret {name!r}; there is: {offered}.", field="kind"
        ) from None


def names() -> list[tuple[str, str]]:
    """Every kind and its title: a callable, so that a new kind is no migration."""
    return [(kind.KIND, kind.TITLE) for kind in kinds().values()]
