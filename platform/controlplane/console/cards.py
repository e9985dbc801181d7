"""A namespace as a card: how it is and why, its quota, what runs in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Count
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.index.models import QuotaUse, Workflow
from controlplane.index.reading import fits
from tenants.levels import Act
from tenants.models import TenantNamespace

from . import violations
from .amounts import SHORT, Amount, amounts_of
from .standing import Standing, standing_of
from .violations import Broken
from .workflow_filter import Filter

# What a card counts, and what its links show: a number and its link are one filter.
RUNNING = Filter(phase="Running")
FAILED = Filter(outcome="bad", finished="24h")


@dataclass(frozen=True)
class Counts:
    """How many workflows run, and how many failed lately."""

    running: int = 0
    failed: int = 0
    running_query: str = ""
    failed_query: str = ""


@dataclass(frozen=True)
class Card:
    """One namespace. `counts` is None where its workflows are not the person's to see."""

    namespace: TenantNamespace
    standing: Standing
    amounts: tuple[Amount, ...]
    counted_at: datetime | None
    counts: Counts | None
    broken: Broken = field(default_factory=Broken)  # in the last 24 hours


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
    mine = [n for n in namespaces if n.team.allows(user, Act.SEE)]
    now = timezone.now()
    running, failed = fits(RUNNING.asked(now)), fits(FAILED.asked(now))
    rows = (
        Workflow.objects.visible_to(user)
        .filter(running | failed, namespace__in=[n.pk for n in mine])
        .order_by()
        .values("namespace")
        .annotate(running=Count("pk", filter=running), failed=Count("pk", filter=failed))
    )
    found = {row["namespace"]: (row["running"], row["failed"]) for row in rows}
    return {
        n.pk: Counts(*found.get(n.pk, (0, 0)), _query(RUNNING, n), _query(FAILED, n)) for n in mine
    }


def _query(counted: Filter, namespace: TenantNamespace) -> str:
    """What is counted of this namespace, as the list of workflows is asked for it."""
    place = replace(counted, namespace=namespace.name, cluster=namespace.cluster.name)
    return place.query


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
