"""What a person is to have in a cluster now, read from the rows: who they are, their groups, their levels."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from controlplane.clusters.models import Cluster
from controlplane.identity.leaving import groups_of
from controlplane.identity.models import User
from controlplane.objects import Manifest
from tenants.levels import Level, roles_of, strongest
from tenants.models import NamespaceQuerySet, TenantNamespace

from .bindings import LOCAL, Place, account, account_name, bindings
from .models import Account


@dataclass(frozen=True)
class Wish:
    """The places in which a person has a level, the proofs of what is good, and what is to be over."""

    places: tuple[Place, ...] = ()
    proofs: frozenset[str] = frozenset()
    ended: frozenset[uuid.UUID] = frozenset()

    @property
    def told(self) -> list[str]:
        """What it opens, as the row keeps it: `payments: member`; nothing while nothing opens it."""
        return [str(place) for place in self.places] if self.proofs else []

    def manifests(self, name: str, *, username: str) -> tuple[Manifest, ...]:
        """The objects that should be there: none for who has no place, or nothing that opens it."""
        if not self.places or not self.proofs:
            return ()
        return (account(name, username=username), *bindings(name, self.places))


def name_of(user: User) -> str:
    """The name of a person's account: by who they are at their provider, or by their row here."""
    return account_name(user.issuer or LOCAL, user.subject or str(user.pk))


def namespaces_of(user: User) -> NamespaceQuerySet:
    """What is there of the teams in which a person has a level, by the groups they are let in by now."""
    mine = groups_of(user)
    by_group = Q(*((f"team__{level}_group__in", mine) for level in Level), _connector=Q.OR)
    return TenantNamespace.objects.live().filter(by_group).exclude(applied_at=None)


def places_of(user: User, cluster: Cluster) -> tuple[Place, ...]:
    """Where a person has a level on a cluster, and which."""
    mine = groups_of(user)
    found = namespaces_of(user).filter(cluster=cluster).select_related("team").order_by("name")
    return tuple(
        Place(row.name, row.team.slug, level)
        for row in found
        if (level := strongest(each for each, group in row.team.groups.items() if group in mine))
    )


def wish_of(account: Account, now: datetime) -> Wish:
    """What is to be there now. Nobody's account, and one of a person who is out, has nothing."""
    user = User.objects.filter(pk=account.user_id).first() if account.user_id else None
    places = places_of(user, account.cluster) if user else ()
    good = {row.pk: row.proof for row in account.kubeconfigs.good(now)} if places else {}
    left = account.kubeconfigs.filter(gone_at=None).values_list("pk", flat=True)
    return Wish(places, frozenset(good.values()), frozenset(left) - good.keys())


def lost(account: Account, wish: Wish) -> bool:
    """Whether something that was made is no longer wanted: a place, or a Role of its level."""
    kept = {(p.namespace, level) for p in wish.places for level in roles_of(p.level)}
    made = (place.split(": ") for place in account.made)
    had = {(namespace, role) for namespace, level in made for role in roles_of(Level(level))}
    return bool(had - kept)
