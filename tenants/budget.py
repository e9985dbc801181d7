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
from .models import Request, RequestState, Team, TenantNamespace, Tier

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
    """One thing that a budget counts: what is promised, what a wish would add, what there may be.

    `others`: what the team's other requests that wait would add, if they were approved too.
    """

    what: str
    promised: Decimal
    adds: Decimal
    limit: Decimal
    others: Decimal = Decimal()

    @property
    def after(self) -> Decimal:
        return self.promised + self.adds

    @property
    def over(self) -> Decimal:
        """By how much it does not fit; 0 if it does. What adds nothing always fits."""
        return max(self.after - self.limit, Decimal()) if self.adds else Decimal()

    @property
    def over_with_others(self) -> Decimal:
        """By how much it would not fit if all that waits for this team were approved."""
        if not self.adds:
            return Decimal()
        return max(self.after + self.others - self.limit, Decimal())


NOTHING = Promise(0, Decimal(), Decimal())


def outlook(
    team: Team, *, promised: Promise, adds: Promise, others: Promise = NOTHING
) -> tuple[Outlook, ...]:
    """A team's budget before and after, line by line."""
    return (
        Outlook("cores", promised.cpu, adds.cpu, Decimal(team.cpu_budget), others.cpu),
        Outlook(
            "GiB of memory",
            promised.memory_gib,
            adds.memory_gib,
            Decimal(team.memory_budget_gib),
            others.memory_gib,
        ),
        Outlook(
            "namespaces",
            Decimal(promised.namespaces),
            Decimal(adds.namespaces),
            Decimal(team.namespace_limit),
            Decimal(others.namespaces),
        ),
    )


def outlooks(asked: Sequence[Request]) -> Mapping[int, tuple[Outlook, ...]]:
    """Each request's outlook as things are now, in three queries; none where its tier is gone."""
    teams = {request.team_id for request in asked}
    used = used_by_each(teams)
    tiers = {tier.slug: tier for tier in Tier.objects.all()}
    waiting = _waiting(teams, tiers)
    found: dict[int, tuple[Outlook, ...]] = {}
    for request in asked:
        tier = tiers.get(str(request.asked.get("tier")))
        if tier is not None:
            beside = [each for pk, each in waiting[request.team_id] if pk != request.pk]
            found[request.pk] = outlook(
                request.team,
                promised=used[request.team_id],
                adds=promised(_adding(request, tier)),
                others=promised(beside),
            )
    return found


def waiting_for(team: Team) -> Promise:
    """What the requests of one team that wait would add, if all of them were approved."""
    tiers = {tier.slug: tier for tier in Tier.objects.all()}
    return promised(each for _, each in _waiting({team.pk}, tiers)[team.pk])


def together(asked: Sequence[Request]) -> list[tuple[Team, tuple[Outlook, ...]]]:
    """What these requests add up to, a team at a time, in two queries."""
    used = used_by_each({request.team_id for request in asked})
    tiers = {tier.slug: tier for tier in Tier.objects.all()}
    teams = {request.team_id: request.team for request in asked}
    adding: dict[int, list[Tier]] = defaultdict(list)
    for request in asked:
        if (tier := tiers.get(str(request.asked.get("tier")))) is not None:
            adding[request.team_id] += _adding(request, tier)
    return [
        (team, outlook(team, promised=used[pk], adds=promised(adding[pk])))
        for pk, team in teams.items()
    ]


def _adding(request: Request, tier: Tier) -> list[Tier]:
    """One that came back to its approver has its row already, and is counted with it."""
    return [] if request.namespace_id is not None else [tier]


def _waiting(
    teams: Iterable[int], tiers: Mapping[str, Tier]
) -> Mapping[int, Sequence[tuple[int, Tier]]]:
    """Of each team, the requests that wait and are not counted yet, with their tiers: one query."""
    pending = Request.objects.filter(
        team__in=teams, state=RequestState.PENDING, namespace=None
    ).order_by()
    found: dict[int, list[tuple[int, Tier]]] = defaultdict(list)
    for team, pk, asked in pending.values_list("team", "pk", "asked"):
        if (tier := tiers.get(str(asked.get("tier")))) is not None:
            found[team].append((pk, tier))
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
    """Raise OverBudget, naming all that is short and by how much, if one more does not fit."""
    if (problem := problem_with(team, adding=adding)) is not None:
        raise problem


def problem_with(team: Team, *, adding: Tier) -> OverBudget | None:
    """Why one more of this tier does not fit: everything that is short; None if it fits."""
    lines = outlook(team, promised=used_by(team), adds=promised([adding]))
    short = [line for line in lines if line.over]
    if not short:
        return None
    said = " It ".join(_shortage(line, adding) for line in short)
    sizes = [line for line in short if line.what != "namespaces"]
    way_out = "Choose a smaller tier or ask" if len(sizes) == len(short) else "Ask"
    return OverBudget(
        f"{team.name} {said} {way_out} the platform team for more.",
        field="tier" if len(sizes) == len(short) else None,
    )


def _shortage(line: Outlook, tier: Tier) -> str:
    have, limit, more = (f"{n.normalize():f}" for n in (line.promised, line.limit, line.adds))
    if line.what == "namespaces":
        return f"already has {have} of {limit} namespaces."
    return f"has promised {have} of {limit} {line.what}; tier {tier.slug} needs {more} more."
