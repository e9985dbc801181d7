"""A namespace as a card: how it is and why, its quota, what runs in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.index.models import QuotaUse, Workflow
from tenants.models import TenantNamespace

from . import violations
from .amounts import SHORT, Amount, amounts_of
from .standing import Standing, standing_of

LATELY = timedelta(hours=24)
RUNNING, FAILED = ("Running",), ("Failed", "Error")


@dataclass(frozen=True)
class Counts:
    """How many workflows run, and how many failed lately."""

    running: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Card:
    """One namespace. `counts` is None where its workflows are not the person's to see."""

    namespace: TenantNamespace
    standing: Standing
    amounts: tuple[Amount, ...]
    counted_at: datetime | None
    counts: Counts | None
    broken: int = 0  # images that broke the policy in the last 24 hours


def cards_of(namespaces: Sequence[TenantNamespace], user: User) -> list[Card]:
    """The cards of these rows, which bring their team, cluster, tier and quota with them."""
    counts = counts_of(namespaces, user)
    broken = violations.counts_of(namespaces, user, timezone.now())
    return [
        Card(
            namespace=namespace,
            standing=standing_of(namespace),
            amounts=_amounts(namespace, use := use_of(namespace)),
            counted_at=use.seen_at if use else None,
            counts=counts.get(namespace.pk),
            broken=broken[namespace.pk],
        )
        for namespace in namespaces
    ]


def counts_of(namespaces: Sequence[TenantNamespace], user: User) -> dict[int, Counts]:
    """By namespace, in one query; only where the person has a level in its team."""
    mine = [n.pk for n in namespaces if n.team.level_of(user) is not None]
    failed = Q(phase__in=FAILED, finished_at__gte=timezone.now() - LATELY)
    running = Q(phase__in=RUNNING)
    rows = (
        Workflow.objects.visible_to(user)
        .filter(running | failed, namespace__in=mine)
        .order_by()
        .values("namespace")
        .annotate(running=Count("pk", filter=running), failed=Count("pk", filter=failed))
    )
    found = {row["namespace"]: Counts(row["running"], row["failed"]) for row in rows}
    return {pk: found.get(pk, Counts()) for pk in mine}


def use_of(namespace: TenantNamespace) -> QuotaUse | None:
    """What the cluster counted; None until it was first seen."""
    try:
        return namespace.quota_use
    except QuotaUse.DoesNotExist:
        return None


def _amounts(namespace: TenantNamespace, use: QuotaUse | None) -> tuple[Amount, ...]:
    """As counted; before that, what its tier will allow."""
    if use is None:
        return amounts_of(namespace.tier.quota, {}, SHORT)
    return amounts_of(use.hard, use.used, SHORT)
