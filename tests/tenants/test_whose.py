"""Which teams are whose: asked of the database, and of one team, it is one answer."""

import pytest

from controlplane.identity.models import User
from tenants import requests
from tenants.levels import Act
from tenants.models import Team
from tests.factories import (
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db


def people(team: Team) -> list[User]:
    """Everybody a team may meet, the groups of nobody among theirs."""
    nobodys = PersonFactory(claimed_groups=[""])
    mine = [owner_of(team), member_of(team), viewer_of(team)]
    return [*mine, nobodys, approver(), platform_admin(), owner_of(TeamFactory())]


def test_owners_own_their_team_and_nobody_else_does() -> None:
    team = TeamFactory()
    owner, *others = people(team)

    assert list(Team.objects.owned_by(owner)) == [team]
    assert [team in Team.objects.owned_by(other) for other in others] == [False] * len(others)


@pytest.mark.parametrize("act", list(Act))
def test_a_team_that_is_asked_says_what_the_database_says(act: Act) -> None:
    team = TeamFactory(member_group="", viewer_group="watchers")

    for person in people(team):
        assert team.allows(person, act) is (team in Team.objects.allowing(person, act)), person


def test_who_may_ask_is_who_owns() -> None:
    team = TeamFactory()

    for person in people(team):
        assert requests.may_ask(team, person) is (team in Team.objects.owned_by(person))
