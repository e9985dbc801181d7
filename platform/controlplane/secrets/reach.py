"""Do the team's pods get to what a secret opens? A sentence for its page, before a workflow hangs on it.

Pure: a kind, what was filled in and the platform's networks in, words out. The rule is the guard rails'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provisioning import stores

from .kinds import Kind


@dataclass(frozen=True)
class Reach:
    """Whether there is a way, and a sentence; no sentence for what no pod calls."""

    is_open: bool
    sentence: str


def of(kind: Kind, settings: Mapping[str, str], networks: Sequence[str]) -> Reach:
    """The way from the team's namespaces to what this opens."""
    wiring = kind.wiring("any", settings)
    if (port := stores.artifacts_port(wiring)) is not None:
        who = "Workflow pods reach"
    elif (port := stores.archive_port(wiring)) is not None:
        who = "The team's workflow controller and its Argo server reach"
    else:
        return Reach(is_open=True, sentence="")
    if not networks:
        return Reach(
            is_open=False,
            sentence="Nothing in the team's namespaces reaches it: the platform was not told in which "
            "networks stores and databases are. Ask its admins to set ARGOSY_STORE_NETWORKS.",
        )
    return Reach(is_open=True, sentence=f"{who} port {port} in {', '.join(networks)}.")
