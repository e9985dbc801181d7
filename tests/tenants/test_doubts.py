"""What is odd about a team's edit though it may be meant."""

from decimal import Decimal

import pytest

from tenants import doubts
from tenants.errors import NotConfirmed
from tenants.models import Team
from tests.factories import NamespaceFactory, TeamFactory, tier

pytestmark = pytest.mark.django_db


def with_promises() -> Team:
    """A team with two namespaces of four cores and 8 GiB each."""
    team = TeamFactory(slug="atlas", cpu_budget=32, memory_budget_gib=128, namespace_limit=5)
    NamespaceFactory(team=team, tier=tier("small"))
    NamespaceFactory(team=team, tier=tier("small"))
    return Team.objects.get(pk=team.pk)


def test_a_budget_below_what_is_promised_says_how_much_that_is() -> None:
    team = with_promises()
    team.cpu_budget = Decimal(6)

    (doubt,) = doubts.about(team)
    assert doubt == (
        "8 cores are promised to atlas already, more than the 6 it would have: what is there stays, "
        "and nothing more is approved."
    )


@pytest.mark.parametrize(
    ("field", "value"), [("memory_budget_gib", Decimal(1)), ("namespace_limit", 1)]
)
def test_each_part_of_the_budget_is_looked_at(field: str, value: object) -> None:
    team = with_promises()
    setattr(team, field, value)

    assert len(doubts.about(team)) == 1


def test_a_budget_that_holds_or_that_is_raised_is_no_doubt() -> None:
    team = with_promises()
    team.cpu_budget = Decimal(8)
    assert doubts.about(team) == []

    Team.objects.filter(pk=team.pk).update(cpu_budget=2)
    team.cpu_budget = Decimal(4)
    assert doubts.about(team) == []


def test_another_teams_group_says_whom_it_lets_in() -> None:
    TeamFactory(slug="beta", owner_group="shared", viewer_group="shared")
    team = TeamFactory(slug="atlas")
    team.member_group = "shared"

    (doubt,) = doubts.about(team)
    assert doubt == (
        "shared is the group of the owners and viewers of beta: all of them become members of atlas "
        "too."
    )
    with pytest.raises(NotConfirmed, match="Confirm it"):
        doubts.check(team)


def test_a_new_team_is_asked_about_groups_too() -> None:
    TeamFactory(slug="beta", owner_group="shared")

    assert len(doubts.about(TeamFactory.build(owner_group="shared"))) == 1


def test_a_group_that_was_shared_already_and_empty_ones_are_no_doubt() -> None:
    TeamFactory(owner_group="shared", viewer_group="")
    team = TeamFactory(owner_group="shared", viewer_group="")
    team.name = "Renamed"

    assert doubts.about(team) == []
