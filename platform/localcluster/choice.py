"""Real or simulated: which kind of node a cluster gets, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from localcluster import debian, images, node, registry
from localcluster.errors import LocalClusterError
from localcluster.home import Home

NodeKind = Literal["real", "simulated"]
NodeWish = Literal["auto", "real", "simulated"]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of node, and the reason in words for a person."""

    kind: NodeKind
    why: str


def choose(wish: NodeWish, home: Home, cluster: str, say: Say) -> Choice:
    """What `wish` comes to here; packages of a real node are installed if that is possible."""
    if wish == "simulated":
        return Choice("simulated", "as asked")
    if wish == "real":
        if why := node.obstacle(home, cluster):
            raise LocalClusterError(f"No real node: {why}. Use --node simulated.")
        debian.ensure(say)
        return Choice("real", "as asked")
    return _automatic(home, cluster, say)


def _automatic(home: Home, cluster: str, say: Say) -> Choice:
    if why := node.obstacle(home, cluster):
        return Choice("simulated", why)
    if debian.missing() and not debian.can_install():
        return Choice("simulated", f"packages are missing: {', '.join(debian.missing())}")
    if node.cluster_of(home) != cluster and not _argo_at_hand(home):
        return Choice(
            "simulated",
            "Argo's two images are neither loaded nor can they be pulled from here "
            "(`argosy local load-image FILE…` loads them)",
        )
    try:
        debian.ensure(say)
    except LocalClusterError as exc:
        return Choice("simulated", str(exc))
    return Choice("real", "root, the packages and Argo's images are here")


def _argo_at_hand(home: Home) -> bool:
    return images.kept_refs(home).issuperset(images.ARGO) or registry.can_pull(images.ARGO)
