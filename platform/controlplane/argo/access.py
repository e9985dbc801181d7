"""As which account of the cluster a person acts on a namespace's workflows.

The platform impersonates the account of the person's level, so the cluster's own RBAC decides and its audit
log says who. Whoever has no level in the team has no account to act as: the platform's people too.
"""

from controlplane.clusters.connections import connect
from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User
from controlplane.kube.door import Kube
from tenants.levels import MAY, Act, Level, account_of
from tenants.models import TenantNamespace


def may(namespace: TenantNamespace, user: User, act: Act) -> bool:
    """Whether the person's level allows it."""
    return namespace.team.allows(user, act)


def acting(namespace: TenantNamespace, user: User, act: Act = Act.SEE) -> Kube:
    """The cluster's API as the account of the person's level there."""
    level = namespace.team.level_of(user)
    if level is None:
        raise NotAllowed(
            f"You have no level in {namespace.team.slug}: its workflows are its own business."
        )
    if act not in MAY[level]:
        raise NotAllowed(
            f"A {level} of {namespace.team.slug} may look at workflows, not change them."
        )
    if problem := absence(namespace):
        raise DomainError(problem, code="not_there")
    return as_level(namespace, level)


def as_level(namespace: TenantNamespace, level: Level) -> Kube:
    """The cluster's API as one level's account."""
    return connect(namespace.cluster).kube.acting_as(account_of(level, namespace.name))


def absence(namespace: TenantNamespace) -> str:
    """Why there can be no workflows there; '' where there can."""
    if namespace.applied_at is None or namespace.deleted_at is not None:
        return f"{namespace.name} is {namespace.phase}: it has no place for workflows now."
    return ""
