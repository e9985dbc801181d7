"""What is odd about a team's edit though it may be meant: said, and kept only with a yes."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from . import budget
from .budget import Promise
from .errors import NotConfirmed
from .models import Team

GROUPS = {"owner_group": "owners", "member_group": "members", "viewer_group": "viewers"}


def check(team: Team) -> None:
    """Raise NotConfirmed with every doubt about this edit, if there is one."""
    if doubts := about(team):
        raise NotConfirmed(f"{' '.join(doubts)} Confirm it if that is meant.")


def about(team: Team) -> list[str]:
    """Every doubt about keeping a team as it is now in memory."""
    before = Team.objects.filter(pk=team.pk).first() if team.pk else None
    used = budget.used_by(before) if before else budget.promised([])
    named = {group for field in GROUPS if (group := getattr(team, field))}
    return [
        *_of_budget(before, team, used),
        *_of_groups(before, team, Team.objects.exclude(pk=team.pk) if named else ()),
    ]


def _of_budget(before: Team | None, after: Team, used: Promise) -> Iterator[str]:
    """A budget that is lowered below what is promised takes nothing away, and may be a slip."""
    if before is None:
        return
    for what, promised, was, becomes in (
        ("cores", used.cpu, before.cpu_budget, after.cpu_budget),
        ("GiB of memory", used.memory_gib, before.memory_budget_gib, after.memory_budget_gib),
        ("namespaces", used.namespaces, before.namespace_limit, after.namespace_limit),
    ):
        if becomes < min(Decimal(was), Decimal(promised)):
            yield (
                f"{Decimal(promised).normalize():f} {what} are promised to {after.slug} already, more "
                f"than the {Decimal(becomes).normalize():f} it would have: what is there stays, and "
                "nothing more is approved."
            )


def _of_groups(before: Team | None, after: Team, others: Iterable[Team]) -> Iterator[str]:
    """A group that gets a level it did not have, and is another team's: its people are in both then."""
    new = {
        field: group
        for field in GROUPS
        if (group := getattr(after, field)) and (before is None or getattr(before, field) != group)
    }
    for other in others:
        for field, group in new.items():
            theirs = [level for each, level in GROUPS.items() if getattr(other, each) == group]
            if theirs:
                yield (
                    f"{group} is the group of the {' and '.join(theirs)} of {other.slug}: all of them "
                    f"become {GROUPS[field]} of {after.slug} too."
                )
