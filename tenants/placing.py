"""Which cluster does a wish go to, and may it go there? Asked of whoever said so when Django started.

What a cluster still has to give, and what it promised already, is known above; what is chosen is kept
with the request, here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .models import Team, Tier
from .placed import NoPlace, Placed


@dataclass(frozen=True)
class Wish:
    """What is to be placed: a namespace of this name and tier, for this team."""

    team: Team
    tier: Tier
    name: str


class Chooser(Protocol):
    """Whoever knows the clusters."""

    def choose(self, wish: Wish, labels: Mapping[str, str]) -> Placed:
        """A cluster with these labels that can take it, and why that one. Raises NoPlace."""
        ...

    def problem_with(
        self, wish: Wish, cluster: str, labels: Mapping[str, str] | None
    ) -> NoPlace | None:
        """What keeps it from this cluster; `labels` are None where a person named the cluster."""
        ...


_choosers: list[Chooser] = []


def register(chooser: Chooser) -> None:
    """Have this one choose from here on."""
    _choosers[:] = [chooser]


def chooser() -> Chooser:
    """Who chooses. That nobody does is a fault of the installation: nothing is placed by chance."""
    if not _choosers:
        raise RuntimeError(
            "nobody registered to choose clusters: is controlplane.placement installed?"
        )
    return _choosers[0]
