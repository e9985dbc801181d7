"""Whether new namespaces come to a cluster: who says so, why, and what a team is told.

What is there goes on in each case. A cordoned cluster takes no new namespace; a draining one takes none, and
those that are there are to go elsewhere: that is for their teams, who are told where they would be refused.
"""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from controlplane.errors import DomainError, NotNow
from controlplane.rows.history import because

from .models import Cluster, Scheduling

LONGEST_REASON = 500
DONE = {
    Scheduling.OPEN: "Uncordoned",
    Scheduling.CORDONED: "Cordoned",
    Scheduling.DRAINING: "Draining",
}


def cordon(cluster: Cluster, *, by: AbstractBaseUser, reason: str) -> Cluster:
    """No new namespace comes to it."""
    return _switch(cluster, Scheduling.CORDONED, by=by, reason=_given(reason, "cordon"))


def drain(cluster: Cluster, *, by: AbstractBaseUser, reason: str) -> Cluster:
    """No new namespace comes to it, and those that are there are to go."""
    return _switch(cluster, Scheduling.DRAINING, by=by, reason=_given(reason, "drain"))


def uncordon(cluster: Cluster, *, by: AbstractBaseUser, reason: str = "") -> Cluster:
    """New namespaces come to it again, whether it was cordoned or drained."""
    return _switch(cluster, Scheduling.OPEN, by=by, reason=reason.strip()[:LONGEST_REASON])


def closed(cluster: Cluster) -> DomainError | None:
    """Why no new namespace comes to it; None if one may."""
    if cluster.scheduling == Scheduling.OPEN:
        return None
    word = Scheduling(cluster.scheduling).label
    since = f" since {cluster.scheduled_at:%-d %b %Y, %H:%M} UTC" if cluster.scheduled_at else ""
    why = f": {cluster.scheduling_reason.rstrip('.')}" if cluster.scheduling_reason else ""
    return DomainError(
        f"{cluster.name} takes no new namespaces; it is {word}{since}{why}. Choose another cluster.",
        code=str(cluster.scheduling),
        field="cluster",
    )


@transaction.atomic
def _switch(cluster: Cluster, to: Scheduling, *, by: AbstractBaseUser, reason: str) -> Cluster:
    # Locked: of two people at once, the second finds nothing left to switch, and adds no line.
    locked = Cluster.objects.select_for_update().filter(pk=cluster.pk).first()
    if locked is None:
        raise NotNow(f"{cluster.name} was removed.")
    if locked.scheduling == to and locked.scheduling_reason == reason:
        raise NotNow(f"{locked.name} is {Scheduling(to).label} already.")
    locked.scheduling, locked.scheduling_reason = to, reason
    locked.scheduled_at = timezone.now()
    because(locked, f"{DONE[to]}: {reason}"[:100] if reason else f"{DONE[to]}.")
    row: Any = locked
    row._history_user = by  # noqa: SLF001 - the history's documented way; a token's call has no session
    locked.save(update_fields=["scheduling", "scheduling_reason", "scheduled_at"])
    return locked


def _given(reason: str, act: str) -> str:
    if not (said := reason.strip()[:LONGEST_REASON]):
        raise DomainError(
            f"To {act} a cluster needs a reason: teams read it where they are refused.",
            code="no_reason",
            field="reason",
        )
    return said
