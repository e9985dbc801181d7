"""Writing wishes and facts: the only writers of a Team's, a Tier's and a TenantNamespace's columns."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from controlplane.audit import record_each
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError, NotNow
from controlplane.identity.models import User

from .conditions import READY, Condition, Status, from_dicts, phase_of, stamped
from .models import NamespaceAct, NamespaceQuerySet, Team, TenantNamespace, Tier
from .signals import intent_changed

RESERVED_TEAMS = frozenset({"control", "cluster"})  # policies of the platform's own are called so
ANNOUNCED = 200  # of one change; the sweep brings the others within its 30 s


@transaction.atomic
def save_team(team: Team) -> Team:
    """Keep a team as edited. Its slug is on everything it has in a cluster, and never changes.

    Its groups are in Argo's rules, and bound where a cluster believes the sign-in provider: its namespaces
    follow.
    """
    before = Team.objects.filter(pk=team.pk).first()
    if before is not None and before.slug != team.slug:
        raise DomainError(
            f"The team {before.slug} cannot be renamed: its slug is on everything it has. "
            "Change its name instead, or make another team.",
            code="slug_is_final",
            field="slug",
        )
    if before is None and team.slug in RESERVED_TEAMS:
        raise DomainError(
            f"{team.slug} is a word of the platform's own; give the team another slug.",
            code="reserved",
            field="slug",
        )
    team.full_clean()
    team.save()
    if before is not None and (following := followers(before, team)) is not None:
        _wish_anew(following)
    return team


def followers(before: Team, edited: Team) -> NamespaceQuerySet | None:
    """The namespaces that an edit of a team reaches; None if it reaches none, whatever there is.

    Argo's rules in each of them name the groups; a name or a budget is in none.
    """
    if before.groups == edited.groups:
        return None
    return TenantNamespace.objects.live().filter(team=before)


@transaction.atomic
def want_namespace(
    *, team: Team, cluster: Cluster, tier: Tier, name: str, plan_hash: str
) -> TenantNamespace:
    """Record that `team` wants a namespace, as approved; provisioning will make it so."""
    # Locked, as whoever removes the cluster locks it: it must not go between the look and the row.
    if Cluster.objects.select_for_update().filter(pk=cluster.pk).first() is None:
        raise NotNow(f"{cluster.name} was removed; choose another cluster.", field="cluster")
    namespace = TenantNamespace(
        team=team, cluster=cluster, tier=tier, name=name, approved_plan=plan_hash
    )
    namespace.full_clean()
    namespace.save()
    _announce(namespace.pk)
    return namespace


@transaction.atomic
def approve_again(namespace: TenantNamespace, *, plan_hash: str, now: datetime) -> TenantNamespace:
    """Bind a wish that went back to its approver to the plan they read this time."""
    TenantNamespace.objects.filter(pk=namespace.pk).update(
        approved_plan=plan_hash, generation=F("generation") + 1, failures=0, next_reconcile_at=now
    )
    namespace.refresh_from_db()
    _announce(namespace.pk)
    return namespace


@transaction.atomic
def drop_wish(namespace: TenantNamespace, *, now: datetime) -> bool:
    """Take back a wish of which nothing was made; False if something was (that wants a delete)."""
    return bool(
        TenantNamespace.objects.live()
        .filter(pk=namespace.pk, begun_at=None)
        .update(deletion_requested_at=now, deleted_at=now, phase="Terminated")
    )


@transaction.atomic
def save_tier(tier: Tier) -> int:
    """Keep a tier as edited, and wish every namespace of it anew; gives how many that touches.

    Rows that were made already follow the tier: editing it is the platform's own decision. Rows
    still on their way keep the plan that was approved, and go back to the approver if it differs.
    """
    tier.full_clean()
    tier.save()
    return _wish_anew(TenantNamespace.objects.live().filter(tier=tier))


@transaction.atomic
def follow_cluster(cluster: Cluster) -> int:
    """Wish every namespace of an edited cluster anew; gives how many follow."""
    return _wish_anew(TenantNamespace.objects.live().filter(cluster=cluster))


@transaction.atomic
def wire(namespace: TenantNamespace, wiring: dict[str, Any]) -> bool:
    """Have Argo's configuration name these secrets of the team's; True if that is news.

    Only where the approved plan was carried out: what an approver read names no secrets.
    """
    there = TenantNamespace.objects.live().filter(pk=namespace.pk, applied_at__isnull=False)
    known = there.select_for_update().values_list("wiring", flat=True).first()
    if known is None or known == wiring:
        return False
    there.update(
        wiring=wiring, generation=F("generation") + 1, failures=0, next_reconcile_at=timezone.now()
    )
    _announce(namespace.pk)
    return True


@transaction.atomic
def nudge(chosen: NamespaceQuerySet, *, thorough: bool = False) -> int:
    """Make these due now, whatever their schedule says; gives how many."""
    pks = _locked(chosen.live())
    changes: dict[str, Any] = {"next_reconcile_at": timezone.now(), "queued_at": None}
    if thorough:
        changes["thorough_at"] = None
    TenantNamespace.objects.filter(pk__in=pks).update(**changes)
    _announce_all(pks)
    return len(pks)


def nudge_changed(cluster: int, names: Sequence[str]) -> int:
    """Make due those of a cluster's namespaces in which somebody changed what we made; gives how many.

    One that is on its way, there or gone, has a schedule that looks every few seconds anyway, and its
    changes are our own.
    """
    there = TenantNamespace.objects.live().filter(cluster=cluster, name__in=names, paused=False)
    return nudge(there.filter(deletion_requested_at=None).exclude(applied_at=None))


@transaction.atomic
def pause(chosen: NamespaceQuerySet, *, by: User | None = None, reason: str = "") -> int:
    """The loop leaves these alone until they are resumed; who said so and why is kept."""
    return _switch(chosen.live().filter(paused=False), NamespaceAct.Kind.PAUSED, by, reason)


@transaction.atomic
def resume(chosen: NamespaceQuerySet, *, by: User | None = None, reason: str = "") -> int:
    """The loop looks after these again, at once; who said so and why is kept."""
    pks = list(chosen.live().values_list("pk", flat=True))
    paused = TenantNamespace.objects.filter(pk__in=pks, paused=True)
    count = _switch(paused, NamespaceAct.Kind.RESUMED, by, reason)
    nudge(TenantNamespace.objects.filter(pk__in=pks))
    return count


def begin(namespace: TenantNamespace, *, now: datetime) -> None:
    """Keep, before the first change, that something of this wish may be in the cluster from here on."""
    if namespace.begun_at is None:
        TenantNamespace.objects.filter(pk=namespace.pk, begun_at=None).update(begun_at=now)
        namespace.begun_at = now


@transaction.atomic
def withdraw_approval(namespace: TenantNamespace) -> None:
    """The wish is bound to no plan any more: nothing is made until a person approves one."""
    TenantNamespace.objects.filter(pk=namespace.pk).update(approved_plan="")


def release_claims() -> int:
    """Let go of every row: for a platform that is the only one on its database, when it starts."""
    return TenantNamespace.objects.exclude(claimed_until=None).update(
        claimed_until=None, claim_token=None, queued_at=None
    )


def renew(namespace: TenantNamespace, *, until: datetime) -> bool:
    """Keep the claim for longer; False if it is somebody else's by now: then stop."""
    return bool(
        TenantNamespace.objects.filter(pk=namespace.pk, claim_token=namespace.claim_token).update(
            claimed_until=until
        )
    )


def record_status(
    namespace: TenantNamespace,
    *,
    generation: int,
    conditions: Sequence[Condition],
    now: datetime,
    next_turn: timedelta,
    failed: bool,
    applied: bool = False,
    thorough: bool = False,
    gone: bool = False,
    argo_version: str = "",
) -> timedelta | None:
    """Keep what a turn saw, let go of the row, and give how long until its next turn.

    None if the claim was lost, and nothing written. `generation` is the one the turn worked on. If
    the wish changed meanwhile the row stays behind, and comes back at once; so does a row that
    somebody asked to be looked at while the turn ran. `applied`: every step of the turn was done.
    """
    stored = stamped(conditions, from_dicts(namespace.conditions), generation=generation, now=now)
    ready = next((c.status for c in conditions if c.type == READY), None)
    facts: dict[str, Any] = {
        "observed_generation": generation,
        "conditions": stored,
        "claimed_until": None,
        "claim_token": None,
        "failures": F("failures") + 1 if failed else 0,
        "next_reconcile_at": now + next_turn,
    }
    if applied and namespace.applied_at is None:
        facts["applied_at"] = now
    if ready is Status.TRUE and namespace.ready_at is None:
        facts["ready_at"] = now
    if thorough:
        facts["thorough_at"] = now
    if gone:
        facts["deleted_at"] = now
    if argo_version:
        facts["argo_version"] = argo_version
    with transaction.atomic():
        mine = TenantNamespace.objects.filter(pk=namespace.pk, claim_token=namespace.claim_token)
        # The generation there is now, not the one at the start: the phase must say "behind". Locked, or a
        # wish that comes between this look and what is written of it would be told as carried out.
        current = (
            mine.select_for_update()
            .values_list("generation", "deletion_requested_at", "next_reconcile_at")
            .first()
        )
        if current is None:
            return None  # we overslept: a newer turn has the row, and its facts are fresher
        facts["phase"] = phase_of(
            deletion_wanted=current[1] is not None,
            gone=gone,
            generation=current[0],
            observed=generation,
            ready=ready,
        )
        if current[0] > generation or current[2] != namespace.next_reconcile_at:
            facts["next_reconcile_at"], next_turn = now, timedelta()
        return next_turn if mine.update(**facts) else None


@transaction.atomic
def record_unreachable(
    chosen: NamespaceQuerySet, condition: Condition, *, now: datetime
) -> list[TenantNamespace]:
    """Keep that nothing is known of these: no turn is taken for them while their cluster is away.

    A row that a turn is working on is left to that turn, which will find out for itself. Gives those
    that are known to be so only now.
    """
    free = chosen.live().filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
    # Locked: a turn that begins meanwhile is to write after this, and not to be overwritten by it.
    rows = list(free.order_by("pk").select_for_update(of=("self",)))
    news: list[TenantNamespace] = []
    for row in rows:
        known = from_dicts(row.conditions)
        if (before := known.get(READY)) is None or before.reason != condition.reason:
            news.append(row)
        others = [c for kind, c in known.items() if kind != READY]
        row.conditions = stamped(
            (*others, condition), known, generation=row.observed_generation, now=now
        )
        row.phase = phase_of(
            deletion_wanted=row.deletion_requested_at is not None,
            gone=False,
            generation=row.generation,
            observed=row.observed_generation,
            ready=condition.status,
        )
    TenantNamespace.objects.bulk_update(rows, ["conditions", "phase"], batch_size=500)
    return news


def _switch(rows: NamespaceQuerySet, kind: NamespaceAct.Kind, by: User | None, reason: str) -> int:
    # Locked: of two people at once, the second finds nothing left to switch, and adds no line.
    pks = _locked(rows)
    paused = kind is NamespaceAct.Kind.PAUSED
    TenantNamespace.objects.filter(pk__in=pks).update(paused=paused)
    NamespaceAct.objects.bulk_create(
        NamespaceAct(namespace_id=pk, kind=kind, by=by, reason=reason) for pk in pks
    )
    named = TenantNamespace.objects.filter(pk__in=pks).select_related("team", "cluster")
    record_each(
        f"namespace.{kind}",
        [(f"namespace {n.name} on {n.cluster.name}", n.team.slug) for n in named],
        actor=by.get_username() if by is not None else None,
        after={"reason": reason},
    )
    return len(pks)


def _wish_anew(rows: NamespaceQuerySet) -> int:
    """What is wanted of these is another thing now; gives how many there are."""
    pks = _locked(rows)
    touched = TenantNamespace.objects.filter(pk__in=pks)
    touched.update(generation=F("generation") + 1, next_reconcile_at=timezone.now(), failures=0)
    _announce_all(pks)
    return len(pks)


def _locked(rows: NamespaceQuerySet) -> list[int]:
    """These, kept from others until the transaction ends, and in one order: so no two wait in a ring."""
    mine = rows.order_by("pk").select_for_update(of=("self",))
    return list(mine.values_list("pk", flat=True))


def queue(pk: int, *, now: datetime) -> bool:
    """Mark the row as queued; False if it is already, so that nobody queues it twice."""
    return bool(TenantNamespace.objects.due(now).filter(pk=pk).update(queued_at=now))


def unqueue(pk: int) -> None:
    """Take the mark back: the row could not be queued after all."""
    TenantNamespace.objects.filter(pk=pk).update(queued_at=None)


def _announce_all(pks: Sequence[int]) -> None:
    """Each is due by its row; the first of them at once, the rest when the sweep comes by.

    A message takes milliseconds: the person who edited a tier of thousands does not wait for all.
    """
    for pk in pks[:ANNOUNCED]:
        _announce(pk)


def _announce(pk: int) -> None:
    def announce() -> None:
        intent_changed.send(sender=TenantNamespace, pk=pk)

    # After commit, or a worker could look before the row is there. Robust, because the wish is
    # recorded by then: with the broker down, the sweep will find it.
    transaction.on_commit(announce, robust=True)
