"""Asking a cluster how it is: a few small calls, answers or a reason. Nothing is written here.

So many can be asked at once, each in a thread that holds no database.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from controlplane.errors import DomainError
from controlplane.kube.door import Kube
from controlplane.kube.errors import Another, Forbidden, KubeError, Sealed
from controlplane.objects import Ref

from . import credentials, health, services
from .connections import connect
from .models import Cluster

SYSTEM = Ref("v1", "Namespace", "", "kube-system")


@dataclass(frozen=True)
class Look:
    """What came of asking one cluster."""

    at: datetime
    error: KubeError | None = None  # it does not serve us
    unread: KubeError | None = None  # it does, but where its API server is could not be read now
    seconds: float | None = None
    clock_skew: float | None = None
    credential_ends_at: datetime | None = None
    version: str = ""
    endpoints: list[dict[str, Any]] = field(default_factory=list)


def look(cluster: Cluster) -> Look:
    """Ask it, and for what a turn cannot do without: one that refuses us that does not serve us."""
    asked = timezone.now()
    try:
        ends_at = credentials.ends_at(cluster)
        connection = connect(cluster)
    except DomainError as exc:  # its credential cannot be opened: it cannot be reached by us
        return Look(asked, Sealed(exc.sentence))
    except KubeError as exc:
        return Look(asked, exc)
    try:
        knock = connection.kube.knock()
        answered = timezone.now()
        skew = health.skew_of(knock.clock, asked=asked, answered=answered) if knock.clock else None
        _check_identity(connection.kube, cluster)
        version = str(connection.kube.read("/version").get("gitVersion", ""))[:50]
    except KubeError as exc:
        return Look(asked, exc, credential_ends_at=ends_at)
    seen = Look(
        asked,
        seconds=knock.seconds,
        clock_skew=skew,
        credential_ends_at=ends_at,
        version=version or cluster.kubernetes_version,
    )
    try:
        return replace(seen, endpoints=services.endpoints_of(connection, cluster.server))
    except Forbidden as exc:
        return replace(seen, error=exc)
    except KubeError as exc:
        return replace(seen, unread=exc)


def _check_identity(kube: Kube, cluster: Cluster) -> None:
    """A load balancer that was turned to another cluster must not have everything made anew there."""
    if not cluster.uid:
        return
    found = kube.get(SYSTEM)
    uid = "" if found is None else str(found["metadata"].get("uid", ""))
    if uid != cluster.uid:
        raise Another(
            f"What answers there is another Kubernetes: its kube-system is {uid or 'not there'}, and "
            f"`{cluster.name}` was registered with {cluster.uid}."
        )
