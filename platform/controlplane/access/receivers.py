"""Hearing that somebody's access changed: of a person by `identity`, of a team by its row."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from controlplane.identity import leaving
from controlplane.identity.leaving import access_changed
from controlplane.identity.models import CutState, User
from tenants.models import Team

from . import services
from .following import sentence_of, way_in
from .models import Account
from .tasks import follow_account
from .wishes import lost, wish_of


@receiver(access_changed, dispatch_uid="kubeconfigs-follow")
def follow_person(user: User, **_: Any) -> None:
    """What they have in clusters is looked at now. Lost on the way, the clock finds it."""
    _soon(Account.objects.in_use(timezone.now()).filter(user=user))


@receiver(post_save, sender=Team, dispatch_uid="kubeconfigs-follow-team")
def follow_team(instance: Team, **_: Any) -> None:
    """Which group has a level may have changed: those with something in the team's clusters are looked at."""
    transaction.on_commit(partial(_of_team, instance), robust=True)


def _of_team(team: Team) -> None:
    there = Account.objects.in_use(timezone.now())
    _soon(there.filter(cluster__namespaces__in=team.namespaces.live()).distinct())


def _soon(accounts: Iterable[Account]) -> None:
    now = timezone.now()
    changed = [each for each in accounts if _notice(each)]
    for pk in services.mark_due(changed, now=now):
        follow_account.delay(pk)


def _notice(account: Account) -> bool:
    """Whether they have other than was made; what they lose is on their page at once."""
    now = timezone.now()
    wish = wish_of(account, now)
    if account.made == wish.told:
        return False
    away, until = account.cluster.reachable is False, account.open_until(now)
    if account.user is not None and lost(account, wish):
        leaving.cut(
            user=account.user,
            what=way_in(account),
            state=CutState.CANNOT_YET if away else CutState.UNDER_WAY,
            noticed_at=now,
            until=until if away else None,
            sentence=sentence_of(account, until) if away and until else "It is being taken away.",
        )
    return True
