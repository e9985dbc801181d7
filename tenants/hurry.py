"""Asking for a namespace's next turn at once: who may, and when it is no use."""

from django.utils import timezone

from controlplane.clusters import answering
from controlplane.errors import NotAllowed, NotNow
from controlplane.identity.models import User

from . import services
from .levels import Act
from .models import TenantNamespace


def hurry(namespace: TenantNamespace, *, by: User) -> str:
    """Make its next turn due now, because a person asks; gives what will come of it.

    For its team's owners and the platform's admins.
    """
    check(namespace, by)
    services.nudge(TenantNamespace.objects.filter(pk=namespace.pk))
    why = held(namespace)
    if why:
        return f"{namespace.name} is due now, and waits: {why}"
    return f"{namespace.name} is looked at now, ahead of its schedule."


def held(namespace: TenantNamespace) -> str:
    """What keeps a turn that is due from being taken; '' if nothing does."""
    cluster, now = namespace.cluster, timezone.now()
    if cluster.reachable is False:
        return (
            f"its cluster {cluster.name} {cluster.stands}. It is looked at as soon as the cluster "
            "serves again."
        )
    since = answering.idle_since(now)
    if since is None:
        return ""
    return (
        f"the platform's worker has not been there since {answering.clock(since, now)}. It is looked at "
        "as soon as the platform team has started it."
    )


def check(namespace: TenantNamespace, by: User) -> None:
    """Refuse who may not ask, and what would come to nothing, with the sentence that says why."""
    if not by.is_platform_admin and not namespace.team.allows(by, Act.FILE_REQUESTS):
        raise NotAllowed(f"Only owners of {namespace.team.slug} can ask for its next turn.")
    if namespace.paused:
        raise NotNow(
            f"{namespace.name} is paused by the platform team; ask them to resume it.",
            code="paused",
        )
    if namespace.deleted_at is not None:
        raise NotNow(f"{namespace.name} is gone: nothing is left to do.", code="gone")
