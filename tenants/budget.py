"""What a team's namespaces promise together, against what the team may have."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from controlplane.kube import quantities

from .errors import OverBudget
from .models import Team, Tier

GIB = Decimal(2**30)


@dataclass(frozen=True)
class Promise:
    """An amount of everything a budget counts: namespaces, cores, GiB."""

    namespaces: int
    cpu: Decimal
    memory_gib: Decimal


def promised(tiers: Iterable[Tier]) -> Promise:
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
