"""The page of tokens: a new one is shown once, and what it may is what was chosen."""

import re

import pytest
from django.test import Client

from controlplane.identity import tokens
from controlplane.identity.models import ApiToken
from tests.controlplane.console.pages import read, signed_in
from tests.factories import PersonFactory, TeamFactory, member_of, owner_of

pytestmark = pytest.mark.django_db

PAGE = "/tokens/"
FORM = {"name": "ci of payments", "days": "30", "scopes": ["read", "submit"]}


def shown_in(answer) -> str:
    found = re.search(r"argosy_[\w-]{20,}", answer.content.decode())
    return found.group() if found else ""


def test_a_new_token_is_shown_this_once_and_works() -> None:
    client = signed_in(PersonFactory())

    made = client.post(PAGE, FORM)

    plain = shown_in(made)
    assert "no-store" in made["Cache-Control"]
    called = Client(headers={"authorization": f"Bearer {plain}"}).get("/api/v1/me/")
    assert called.status_code == 200
    assert not shown_in(client.get(PAGE))
    assert ApiToken.objects.get().scopes == ["read", "submit"]


def test_who_owns_a_team_may_choose_it_and_nobody_else_is_offered_it() -> None:
    team = TeamFactory(name="Payments")

    assert "the team Payments" in read(signed_in(owner_of(team)), PAGE)
    assert "the team Payments" not in read(signed_in(member_of(team)), PAGE)


def test_a_member_who_posts_the_team_all_the_same_is_refused() -> None:
    team = TeamFactory()

    answer = signed_in(member_of(team)).post(PAGE, {**FORM, "team": team.slug})

    assert (answer.status_code, ApiToken.objects.count()) == (403, 0)
    assert "Only owners" in answer.content.decode()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"name": ""}, "Give it a name"),
        ({"days": "9999"}, "lasts 1 to"),
        ({"days": "soon"}, "lasts 1 to"),
        ({"team": "nobodys"}, "no team nobodys"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(
    said: dict[str, str], sentence: str
) -> None:
    answer = signed_in(PersonFactory()).post(PAGE, {**FORM, **said})

    page = answer.content.decode()
    assert (answer.status_code, sentence in page) == (400, True)
    assert ApiToken.objects.count() == 0


def test_ending_one_is_at_once_and_anothers_is_not_there() -> None:
    person = PersonFactory()
    token, plain = tokens.issue(user=person, name="old")

    assert signed_in(PersonFactory()).post(f"{PAGE}{token.pk}/end/").status_code == 404
    assert signed_in(person).get(f"{PAGE}{token.pk}/end/").status_code == 405
    assert signed_in(person).post(f"{PAGE}{token.pk}/end/").status_code == 302

    called = Client(headers={"authorization": f"Bearer {plain}"}).get("/api/v1/me/")
    assert called.status_code == 401


def test_your_access_names_your_teams_and_groups_and_nobody_elses() -> None:
    team, other = TeamFactory(name="Payments"), TeamFactory(name="Elsewhere")

    page = read(signed_in(owner_of(team)), "/me/")

    assert ("Payments" in page, team.owner_group in page) == (True, True)
    assert (other.name in page, "Nothing was closed to you" in page) == (False, True)
