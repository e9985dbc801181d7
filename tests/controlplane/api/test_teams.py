"""Teams: seen by their own people, written by the platform's."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tenants.models import Team
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    tier,
    viewer_of,
)

pytestmark = pytest.mark.django_db

TEAMS = "/api/v1/teams/"
ATLAS = {"slug": "atlas", "name": "Atlas", "owner_group": "atlas-owners"}


def test_a_person_sees_their_own_teams_only() -> None:
    mine, theirs = TeamFactory(), TeamFactory()
    client = client_of(viewer_of(mine))

    assert [t["slug"] for t in client.get(TEAMS).json()["results"]] == [mine.slug]
    assert client.get(f"{TEAMS}{theirs.pk}/").status_code == 404


def test_the_platforms_people_see_all_and_have_no_level_in_them() -> None:
    TeamFactory(), TeamFactory()

    seen = client_of(approver()).get(TEAMS).json()["results"]

    assert [t["level"] for t in seen] == [None, None]


@pytest.mark.parametrize(
    ("who", "level"), [(owner_of, "owner"), (member_of, "member"), (viewer_of, "viewer")]
)
def test_a_person_is_told_their_level(who: Who, level: str) -> None:
    team = TeamFactory()
    client = client_of(who(team))

    assert client.get(f"{TEAMS}{team.pk}/").json()["level"] == level
    assert client.get("/api/v1/me/").json()["teams"] == [
        {"id": team.pk, "slug": team.slug, "level": level}
    ]


def test_a_team_shows_its_budget_and_what_is_used_of_it() -> None:
    team = TeamFactory()
    NamespaceFactory(team=team), NamespaceFactory(team=team, tier=tier("medium"))

    seen = client_of(owner_of(team)).get(f"{TEAMS}{team.pk}/").json()

    assert seen["used"] == {"namespaces": 2, "cpu": "20", "memory_gib": "40"}
    assert (seen["namespace_limit"], seen["cpu_budget"]) == (5, "32")


def test_a_list_of_teams_costs_the_same_whatever_its_length(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(5):
        NamespaceFactory(team=NamespaceFactory().team)
    client = client_of(approver())

    with django_assert_num_queries(3):  # how many, the page, its namespaces with their tiers
        client.get(TEAMS)


def test_a_list_is_narrowed_by_slug() -> None:
    team, _ = TeamFactory(), TeamFactory()

    seen = client_of(approver()).get(TEAMS, {"slug": team.slug}).json()

    assert [t["id"] for t in seen["results"]] == [team.pk]


def test_an_admin_makes_and_changes_a_team() -> None:
    client = client_of(platform_admin())

    made = client.post(TEAMS, ATLAS, format="json")
    changed = client.patch(f"{TEAMS}{made.json()['id']}/", {"cpu_budget": "64"}, format="json")

    assert (made.status_code, changed.status_code) == (201, 200)
    assert changed.json()["cpu_budget"] == "64"
    assert changed.json()["used"] == {"namespaces": 0, "cpu": "0", "memory_gib": "0"}


def test_a_slug_is_final() -> None:
    team = TeamFactory()
    client = client_of(platform_admin())

    answer = client.patch(f"{TEAMS}{team.pk}/", {"slug": "other"}, format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "slug_is_final")


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "Atlas"},
        {"slug": "atlas\n"},
        {"slug": "атлас"},
        {"slug": ""},
        {"owner_group": ""},
        {"namespace_limit": -1},
        {"cpu_budget": "-1"},
        {"cpu_budget": "NaN"},
        {"memory_budget_gib": "plenty"},
    ],
)
def test_a_team_that_cannot_be_is_refused_by_field(wrong: dict[str, Any]) -> None:
    answer = client_of(platform_admin()).post(TEAMS, ATLAS | wrong, format="json")

    # A line's end is no part of a word: DRF takes it off before anybody looks.
    assert answer.status_code == (201 if wrong == {"slug": "atlas\n"} else 400)
    assert Team.objects.filter(slug="atlas").exists() is (answer.status_code == 201)


def test_a_slug_that_is_taken_is_refused() -> None:
    TeamFactory(slug="atlas")

    answer = client_of(platform_admin()).post(TEAMS, ATLAS, format="json")

    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["slug"])


def test_nobody_else_writes_teams() -> None:
    team = TeamFactory()
    for person, answer in ((owner_of(team), 403), (approver(), 403), (PersonFactory(), 404)):
        client = client_of(person)
        assert client.post(TEAMS, ATLAS, format="json").status_code == 403
        more = client.patch(f"{TEAMS}{team.pk}/", {"cpu_budget": "999"}, format="json")
        assert more.status_code == answer


def test_what_is_odd_is_kept_only_when_it_is_confirmed() -> None:
    team = NamespaceFactory().team
    client = client_of(platform_admin())
    lower = {"cpu_budget": "1"}

    refused = client.patch(f"{TEAMS}{team.pk}/", lower, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_confirmed")
    assert "4 cores are promised" in refused.json()["error"]["sentence"]

    kept = client.patch(f"{TEAMS}{team.pk}/", lower | {"confirm": True}, format="json")
    assert (kept.status_code, kept.json()["cpu_budget"]) == (200, "1")
    assert "confirm" not in kept.json()


def test_a_new_team_with_another_teams_group_is_confirmed_first() -> None:
    TeamFactory(owner_group=ATLAS["owner_group"])
    client = client_of(platform_admin())

    assert client.post(TEAMS, ATLAS, format="json").status_code == 409
    assert client.post(TEAMS, ATLAS | {"confirm": True}, format="json").status_code == 201
