"""What a team's namespaces promise together, against what the team may have."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import Count
from django.db.models.fields.json import KT

from controlplane.clusters.models import Cluster
from controlplane.kube import quantities

from .errors import OverBudget
from .models import NamespaceQuerySet, Request, RequestState, Team, TenantNamespace, Tier

GIB = Decimal(2**30)


@dataclass(frozen=True)
class Promise:
    """An amount of everything a budget counts: namespaces, cores, GiB."""

    namespaces: int
    cpu: Decimal
    memory_gib: Decimal

    def __add__(self, other: "Promise") -> "Promise":
        return Promise(
            self.namespaces + other.namespaces,
            self.cpu + other.cpu,
            self.memory_gib + other.memory_gib,
        )

    def __sub__(self, other: "Promise") -> "Promise":
        return Promise(
            self.namespaces - other.namespaces,
            self.cpu - other.cpu,
            self.memory_gib - other.memory_gib,
        )


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
Tiers = Mapping[str, Tier]  # by their slugs, which are what requests name


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
    tiers = _tiers()
    used, waiting = used_by_each(teams, tiers), _waiting(teams, tiers)
    found: dict[int, tuple[Outlook, ...]] = {}
    for request in asked:
        tier = tiers.get(str(request.asked.get("tier")))
        if tier is not None:
            adds = promised(_adding(request, tier))
            itself = adds if request.state == RequestState.PENDING else NOTHING
            found[request.pk] = outlook(
                request.team,
                promised=used[request.team_id],
                adds=adds,
                others=waiting[request.team_id] - itself,
            )
    return found


def waiting_for(team: Team) -> Promise:
    """What the requests of one team that wait would add, if all of them were approved."""
    return _waiting({team.pk}, _tiers())[team.pk]


def together(asked: Sequence[Request]) -> list[tuple[Team, tuple[Outlook, ...]]]:
    """What these requests add up to, a team at a time, in two queries."""
    tiers = _tiers()
    used = used_by_each({request.team_id for request in asked}, tiers)
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


def _tiers() -> Tiers:
    return {tier.slug: tier for tier in Tier.objects.all()}


def _waiting(teams: Iterable[int], tiers: Tiers) -> Mapping[int, Promise]:
    """Of each team, what its requests that wait and are not counted yet would add: one query."""
    pending = Request.objects.filter(
        team__in=teams, state=RequestState.PENDING, namespace=None
    ).order_by()
    # Counted by the database: who waits is a number of rows that nobody bounds.
    counted = pending.values_list("team", KT("asked__tier")).annotate(Count("pk"))
    return _by_team((team, tiers.get(str(slug)), many) for team, slug, many in counted)


def _by_team(counted: Iterable[tuple[int, Tier | None, int]]) -> Mapping[int, Promise]:
    """What each team's tiers come to, given how many it has of each; nothing for any other team."""
    many: dict[int, list[tuple[Tier, int]]] = defaultdict(list)
    for team, tier, count in counted:
        if tier is not None:
            many[team].append((tier, count))
    return defaultdict(lambda: NOTHING, {pk: _sum(tiers) for pk, tiers in many.items()})


def promised(tiers: Iterable[Sized]) -> Promise:
    """The sum of these tiers' requests."""
    return _sum((tier, 1) for tier in tiers)


def _sum(many: Iterable[tuple[Sized, int]]) -> Promise:
    """The sum of so many of each tier."""
    found = NOTHING
    for tier, count in many:
        found += Promise(
            namespaces=count,
            cpu=quantities.parse(tier.quota["requests.cpu"]) * count,
            memory_gib=quantities.parse(tier.quota["requests.memory"]) * count / GIB,
        )
    return found


def used_by(team: Team) -> Promise:
    """What the team's live namespaces promise now."""
    return _held(team.namespaces.live())


def promised_on(cluster: Cluster) -> Promise:
    """What the live namespaces of all teams on one cluster promise now."""
    return _held(TenantNamespace.objects.live().filter(cluster=cluster))


def _held(namespaces: NamespaceQuerySet) -> Promise:
    """What these namespaces promise, in one query."""
    tiers = Tier.objects.filter(namespaces__in=namespaces).annotate(many=Count("namespaces"))
    return _sum((tier, int(vars(tier)["many"])) for tier in tiers)


def used_by_each(teams: Iterable[int], tiers: Tiers) -> Mapping[int, Promise]:
    """What the live namespaces of each of these teams promise now, in one query."""
    live = TenantNamespace.objects.live().filter(team__in=teams)
    counted = live.values_list("team", "tier__slug").annotate(Count("pk")).order_by()
    return _by_team((team, tiers.get(slug), many) for team, slug, many in counted)


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
