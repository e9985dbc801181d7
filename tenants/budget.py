"""What a team's namespaces promise together, against what the team may have."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import Count

from controlplane.clusters.models import Cluster
from controlplane.kube import quantities

from .errors import OverBudget
from .models import Request, Team, TenantNamespace, Tier

GIB = Decimal(2**30)


@dataclass(frozen=True)
class Promise:
    """An amount of everything a budget counts: namespaces, cores, GiB."""

    namespaces: int
    cpu: Decimal
    memory_gib: Decimal


class Sized(Protocol):
    """Whatever has a quota: a tier as a row, or as a value."""

    @property
    def quota(self) -> Any: ...


@dataclass(frozen=True)
class Outlook:
    """One thing that a budget counts: what is promised, what a wish would add, what there may be."""

    what: str
    promised: Decimal
    adds: Decimal
    limit: Decimal

    @property
    def after(self) -> Decimal:
        return self.promised + self.adds

    @property
    def over(self) -> Decimal:
        """By how much it does not fit; 0 if it does. What adds nothing always fits."""
        return max(self.after - self.limit, Decimal()) if self.adds else Decimal()


def outlook(team: Team, *, promised: Promise, adds: Promise) -> tuple[Outlook, ...]:
    """A team's budget before and after, line by line."""
    return (
        Outlook("cores", promised.cpu, adds.cpu, Decimal(team.cpu_budget)),
        Outlook(
            "GiB of memory", promised.memory_gib, adds.memory_gib, Decimal(team.memory_budget_gib)
        ),
        Outlook(
            "namespaces",
            Decimal(promised.namespaces),
            Decimal(adds.namespaces),
            Decimal(team.namespace_limit),
        ),
    )


def outlooks(asked: Sequence[Request]) -> Mapping[int, tuple[Outlook, ...]]:
    """Each request's outlook as things are now, in two queries; none where its tier is gone."""
    used = used_by_each({request.team_id for request in asked})
    tiers = {tier.slug: tier for tier in Tier.objects.all()}
    found: dict[int, tuple[Outlook, ...]] = {}
    for request in asked:
        tier = tiers.get(str(request.asked.get("tier")))
        if tier is not None:
            # One that came back to its approver has its row already, and is counted with it.
            adding = [] if request.namespace_id is not None else [tier]
            found[request.pk] = outlook(
                request.team, promised=used[request.team_id], adds=promised(adding)
            )
    return found


def promised(tiers: Iterable[Sized]) -> Promise:
    """The sum of these tiers' requests."""
    chosen = list(tiers)
    return Promise(
        namespaces=len(chosen),
        cpu=sum((quantities.parse(t.quota["requests.cpu"]) for t in chosen), Decimal()),
        memory_gib=sum((quantities.parse(t.quota["requests.memory"]) for t in chosen), Decimal())
        / GIB,
    )


def used_by(team: Team) -> Promise:
    """What the team's live namespaces promise now."""
    return promised(n.tier for n in team.namespaces.live().select_related("tier"))


def promised_on(cluster: Cluster) -> Promise:
    """What the live namespaces of all teams on one cluster promise now."""
    live = TenantNamespace.objects.live().filter(cluster=cluster)
    counted = live.values_list("tier").annotate(namespaces=Count("pk"))
    many = dict(counted.order_by())
    return promised(tier for tier in Tier.objects.all() for _ in range(many.get(tier.pk, 0)))


def used_by_each(teams: Iterable[int]) -> Mapping[int, Promise]:
    """What the live namespaces of each of these teams promise now, in one query."""
    found: dict[int, list[Tier]] = defaultdict(list)
    for namespace in TenantNamespace.objects.live().filter(team__in=teams).select_related("tier"):
        found[namespace.team_id].append(namespace.tier)
    return defaultdict(lambda: promised([]), {pk: promised(tiers) for pk, tiers in found.items()})


def check(team: Team, *, adding: Tier) -> None:
    """Raise OverBudget, naming what is short and by how much, if one more does not fit."""
    used, more = used_by(team), promised([adding])
    if used.namespaces + 1 > team.namespace_limit:
        raise OverBudget(
            f"{team.slug} already has {used.namespaces} of {team.namespace_limit} namespaces; "
            "ask the platform team for more."
        )
    for what, have, need, limit in (
        ("cores", used.cpu, more.cpu, team.cpu_budget),
        ("GiB of memory", used.memory_gib, more.memory_gib, team.memory_budget_gib),
    ):
        if have + need > limit:
            raise OverBudget(
                f"{team.slug} has promised {have.normalize():f} of {limit.normalize():f} {what}; tier "
                f"{adding.slug} needs {need.normalize():f} more. Choose a smaller tier or ask the "
                "platform team for more.",
                field="tier",
            )
