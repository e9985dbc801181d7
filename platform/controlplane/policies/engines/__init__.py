"""Who decides? Each engine is one module here; `argosy policy test` holds all of them to one file.

An engine's module has `opened(cases)`: a context in which it judges, with whatever it had to start.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module, util
from pathlib import Path
from typing import Protocol, cast

from controlplane.policies.cases import Case
from controlplane.policies.verdict import Asks


class Name(StrEnum):
    """The engines there are, each a module of that name."""

    LIBRARY = "library"
    WEBHOOK = "webhook"
    VAP = "vap"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine says to one case."""

    allowed: bool
    reported: bool | None = None  # None: this engine cannot tell
    reasons: tuple[str, ...] = ()
    # Set by an engine that cannot decide such a case alone, and passes it on.
    asks: frozenset[Asks] = field(default_factory=frozenset)
    # The API server refused or changed the object before any policy saw it: how.
    aside: str = ""


class Engine(Protocol):
    """Something that decides cases."""

    def judge(self, case: Case) -> Answer: ...


class _Module(Protocol):
    def opened(self, cases: Sequence[Case]) -> AbstractContextManager[Engine]: ...


class _OnACluster(Protocol):
    def opened(
        self, cases: Sequence[Case], kubeconfig: Path | None
    ) -> AbstractContextManager[Engine]: ...


class NoSuchEngine(ValueError):
    """This installation cannot decide that way."""


def opened(
    name: Name, cases: Sequence[Case], kubeconfig: Path | None = None
) -> AbstractContextManager[Engine]:
    """The engine, ready to judge these cases; `kubeconfig` lends it a cluster. Raises NoSuchEngine."""
    module = f"{__name__}.{name}"
    if util.find_spec(module) is None:
        raise NoSuchEngine(f"there is no engine {str(name)!r} in this installation")
    found = import_module(module)
    if name is Name.VAP:
        return cast("_OnACluster", found).opened(cases, kubeconfig)
    if kubeconfig is not None:
        raise NoSuchEngine(f"the engine {str(name)!r} asks no cluster; leave --kubeconfig out")
    return cast("_Module", found).opened(cases)
