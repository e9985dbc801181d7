"""Saying what may run: the only writers of an ImagePolicy's, a RollOut's and a StandDown's columns."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User
from controlplane.rows.history import because
from tenants.models import Team

from . import checking, composing, saying, store
from .compile.cluster import rule_sets
from .compile.tables import TooMuch, table
from .document import NotAPolicy
from .errors import BadPolicy, NotOpen
from .models import ImagePolicy, RollOut, StandDown, Trust


@transaction.atomic
def save_policy(policy: ImagePolicy, *, now: datetime) -> ImagePolicy:
    """Keep a policy as edited. What it would bring about is refused before it can happen."""
    _one_at_a_time()
    policy.full_clean()
    check(policy, now=now)
    policy.save()
    return policy


@transaction.atomic
def remove_policy(policy: ImagePolicy, *, now: datetime) -> None:
    """It says nothing any more. Its history stays."""
    _one_at_a_time()
    said = store.said(now)
    left = tuple(p for p in said.policies if p.name != policy.name)
    checking.check(said.with_policies(left), store.combinations())
    policy.delete()


def check(policy: ImagePolicy, *, now: datetime) -> None:
    """Refuse a policy that cannot be, or must not be, with the sentence that says why and where.

    A draft is held to the same: what could never be in force is not worth keeping.
    """
    value = _read(policy)
    said = store.said(now)
    for problem in checking.problems_with(value, said.keys):
        raise BadPolicy(f"{policy.name}: {problem}", field="settings")
    before = ImagePolicy.objects.filter(pk=policy.pk).values_list("name", flat=True).first()
    teams = store.combinations()
    # Whom it is about may have no namespace yet.
    teams.add((value.team, frozenset({value.tier} if value.tier else ())))
    then = said.with_policy(value, instead_of=before or "")
    checking.check(then, teams)
    _check_affordable(then, value)


@transaction.atomic
def roll_out(*, team: Team, mode: str, by: User, reason: str, now: datetime) -> RollOut:
    """From now on this team's policy refuses (`enforce`), or only reports (`audit`)."""
    _check_admin(by)
    _check_reason(reason)
    row = RollOut.objects.select_for_update().filter(team=team).first() or RollOut(team=team)
    if row.pk and row.mode == mode:
        raise DomainError(
            f"{team.slug} is in {mode} already, since {row.since:%F %H:%M}.", code="no_change"
        )
    row.mode, row.since, row.by, row.reason = mode, now, by, reason.strip()
    row.full_clean()
    row.save()
    return row


@transaction.atomic
def stand_down(
    *, cluster: Cluster, until: datetime, by: User, reason: str, now: datetime
) -> StandDown:
    """The cluster's webhook is taken away until then. It comes back by itself."""
    _check_admin(by)
    _check_reason(reason)
    longest = timedelta(hours=settings.STAND_DOWN_HOURS)
    if not now < until <= now + longest:
        raise DomainError(
            f"A stand-down ends by itself, after now and within {settings.STAND_DOWN_HOURS} hours; "
            "if it must last longer, say so again then.",
            code="bad_window",
            field="until",
        )
    # Lock the cluster, so that of two people at once the second is told.
    Cluster.objects.select_for_update().get(pk=cluster.pk)
    standing = StandDown.objects.active(now).filter(cluster=cluster).first()
    if standing is not None:
        raise NotOpen(
            f"{cluster.name} stands down already, until {standing.until:%F %H:%M}; end that one first."
        )
    row = StandDown(cluster=cluster, began_at=now, until=until, by=by, reason=reason.strip())
    row.full_clean()
    row.save()
    return row


@transaction.atomic
def end_stand_down(row: StandDown, *, by: User, now: datetime) -> StandDown:
    """The cluster's webhook comes back now."""
    _check_admin(by)
    fresh = StandDown.objects.select_for_update().get(pk=row.pk)
    if fresh.ended_at is not None or fresh.until <= now:
        raise NotOpen(f"The stand-down of {fresh.cluster.name} is over already.")
    fresh.ended_at = now
    because(fresh, f"Ended by {by.username}."[:100])
    fresh.save(update_fields=["ended_at"])
    return fresh


def trust() -> Trust:
    """How far the facts are. The row is made when it is first asked for."""
    return Trust.objects.get_or_create(pk=1)[0]


def locked_trust() -> Trust:
    """The same, and nobody else writes a fact until this transaction ends."""
    trust()
    return Trust.objects.select_for_update().get(pk=1)


def check_affordable(said: saying.Said, places: Sequence[saying.Place]) -> None:
    """Refuse what no API server could hold or afford: there, it would refuse everything. TooMuch."""
    wanted = composing.bundle(said, places, cluster="", trust_epoch=0, stand_down_until=None)
    table(rule_sets(wanted.documents, wanted.namespaces))


def _check_affordable(said: saying.Said, value: saying.Policy) -> None:
    alone = saying.Place("any", value.team or "any", value.tier)
    here = {0: (alone,), **store.by_cluster()}
    for cluster, places in here.items():
        try:
            check_affordable(said.on(cluster), places)
        except TooMuch as error:
            raise BadPolicy(error.sentence, field="settings") from None


def _read(policy: ImagePolicy) -> saying.Policy:
    try:
        return store.policy_of(policy)
    except NotAPolicy as error:
        raise BadPolicy(str(error), field="settings") from None


def _one_at_a_time() -> None:
    """Two policies that contradict each other must not be checked each without the other."""
    locked_trust()


def _check_admin(by: User) -> None:
    if not by.is_platform_admin:
        raise NotAllowed("Only the platform's admins may do this.")


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise DomainError(
            "Say why: whoever finds it will want to know.", code="no_reason", field="reason"
        )
