"""Tokens of one's own and of one's teams: as much as was asked, seen by whom they concern, ended at once."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from controlplane.identity import guessing, tokens
from controlplane.identity.models import ApiToken, User
from controlplane.identity.scopes import Scope
from tenants import tokens as keeping
from tenants.models import Team
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    ClusterFactory,
    PersonFactory,
    TeamFactory,
    member_of,
    owner_of,
    platform_admin,
    wish,
)

pytestmark = pytest.mark.django_db

TOKENS = "/api/v1/tokens/"


@pytest.fixture
def team() -> Team:
    return TeamFactory(slug="payments")


@pytest.fixture
def owner(team: Team) -> User:
    return owner_of(team)


def bearer(plain: str) -> APIClient:
    return APIClient(headers={"authorization": f"Bearer {plain}"})


def make(by: User | APIClient, **said: Any) -> Any:
    client = by if isinstance(by, APIClient) else client_of(by)
    return client.post(TOKENS, {"name": "ci", **said}, format="json")


def with_scopes(user: User, *scopes: Scope) -> APIClient:
    _, plain = tokens.issue(user=user, name="x", scopes=[Scope.READ, *scopes])
    return bearer(plain)


def test_a_new_one_is_shown_once_and_works(owner: User) -> None:
    made = make(owner, days=7)

    assert made.status_code == 201
    shown = made.json()
    assert bearer(shown["token"]).get("/api/v1/me/").json()["username"] == owner.username
    (listed,) = client_of(owner).get(TOKENS).json()["results"]
    assert shown.pop("token") not in str(listed)
    assert listed["scopes"] == [str(scope) for scope in Scope]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"team": "no-such-team"}, "team"),
    ],
)
def test_one_that_cannot_be_is_refused_by_its_field(
    owner: User, said: dict[str, Any], field: str
) -> None:
    answer = make(owner, **said)

    assert answer.status_code == 400
    assert any(key.startswith(field) for key in answer.json()["error"]["fields"])
    assert not ApiToken.objects.exists()


def test_others_are_not_there(owner: User) -> None:
    token, _ = tokens.issue(user=owner, name="mine")
    for other in (PersonFactory(), platform_admin()):
        client = client_of(other)

        assert client.get(TOKENS).json()["count"] == 0
        assert client.get(f"{TOKENS}{token.pk}/").status_code == 404
        assert client.delete(f"{TOKENS}{token.pk}/").status_code == 404
    assert ApiToken.objects.exists()


def test_one_that_is_ended_opens_nothing_from_then_on(owner: User) -> None:
    made = make(owner).json()
    caller = bearer(made["token"])

    assert client_of(owner).delete(f"{TOKENS}{made['id']}/").status_code == 204

    assert caller.get("/api/v1/me/").status_code == 401


def test_there_is_an_end_to_how_many_one_has(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST", 2)

    assert [make(owner).status_code for _ in range(3)] == [201, 201, 400]


# Scopes.


def test_a_token_to_read_reads_and_changes_nothing(owner: User, team: Team) -> None:
    reader = with_scopes(owner)
    request = {"kind": "create", "team": team.slug, "asked": wish(ClusterFactory())}

    assert reader.get("/api/v1/teams/").json()["count"] == 1
    refused = reader.post("/api/v1/requests/", request, format="json")
    assert refused.status_code == 403
    assert "the scope request" in refused.json()["error"]["sentence"]
    assert make(reader).status_code == 403


def test_a_token_to_ask_files_requests_and_decides_on_none(owner: User, team: Team) -> None:
    asking = with_scopes(owner, Scope.REQUEST)
    request = {"kind": "create", "team": team.slug, "asked": wish(ClusterFactory())}

    filed = asking.post("/api/v1/requests/", request, format="json")

    assert filed.status_code == 201, filed.content
    decide = f"/api/v1/requests/{filed.json()['id']}/reject/"
    assert asking.post(decide, {"note": "no"}, format="json").status_code == 403


def test_a_scope_gives_nobody_what_they_may_not() -> None:
    everything = with_scopes(PersonFactory(), *Scope)

    assert everything.post("/api/v1/teams/", {"slug": "x"}, format="json").status_code == 403


def test_every_view_that_changes_something_says_what_it_takes_or_takes_the_most() -> None:
    from django.urls import get_resolver

    from controlplane.api import urls

    declared = {
        name: {action: str(scope) for action, scope in view.token_scopes.items()}
        for pattern in urls.v1
        if (
            view := getattr(pattern.callback, "cls", None)
            or getattr(pattern.callback, "view_class", None)
        )
        and hasattr(view, "token_scopes")
        for name in [view.__name__]
    }

    assert get_resolver()
    assert declared["RequestViewSet"]["approve"] == "decide"
    assert declared["WorkflowsView"] == {"post": "submit"}
    assert "ClusterViewSet" not in declared


def test_a_token_makes_no_better_one_than_itself(owner: User) -> None:
    now = timezone.now()
    _, plain = tokens.issue(
        user=owner,
        name="short",
        scopes=[Scope.READ, Scope.ADMIN],
        expires_at=now + timedelta(days=1),
    )
    caller = bearer(plain)

    more = make(caller, scopes=["submit"], days=30)
    same = make(caller, scopes=["read"], days=30)

    assert (more.status_code, "scopes" in more.json()["error"]["fields"]) == (400, True)
    assert same.status_code == 201
    assert ApiToken.objects.get(pk=same.json()["id"]).expires_at <= now + timedelta(days=1)


# A team's.


def test_a_teams_token_acts_as_the_team_whoever_made_it(owner: User, team: Team) -> None:
    made = make(owner, team=team.slug).json()
    caller = bearer(made["token"])

    assert (made["team"], made["made_by"], made["scopes"]) == (
        "payments",
        owner.username,
        ["read", "submit"],
    )
    me = caller.get("/api/v1/me/").json()
    assert [(t["slug"], t["level"]) for t in me["teams"]] == [("payments", "member")]
    owner.claimed_groups = []
    owner.save()
    assert caller.get("/api/v1/teams/").json()["count"] == 1


def test_a_teams_token_sees_no_other_team_though_they_share_a_group(
    owner: User, team: Team
) -> None:
    TeamFactory(slug="also", owner_group=team.owner_group, member_group=team.member_group)
    caller = bearer(make(owner, team=team.slug).json()["token"])

    assert [t["slug"] for t in caller.get("/api/v1/teams/").json()["results"]] == ["payments"]


@pytest.mark.parametrize("scope", ["request", "decide", "admin"])
def test_a_teams_token_neither_asks_nor_decides(owner: User, team: Team, scope: str) -> None:
    answer = make(owner, team=team.slug, scopes=[scope])

    assert (answer.status_code, "takes a person" in answer.json()["error"]["sentence"]) == (
        400,
        True,
    )


def test_only_owners_make_them_and_for_others_the_team_is_not_there(
    owner: User, team: Team
) -> None:
    assert make(member_of(team), team=team.slug).status_code == 403
    assert make(PersonFactory(), team=team.slug).status_code == 400
    assert make(owner_of(TeamFactory()), team=team.slug).status_code == 400
    assert not ApiToken.objects.exists()


def test_every_owner_sees_and_ends_them_and_nobody_else(owner: User, team: Team) -> None:
    made = make(owner, team=team.slug).json()
    one = f"{TOKENS}{made['id']}/"

    for other in (member_of(team), owner_of(TeamFactory()), PersonFactory()):
        assert client_of(other).get(one).status_code == 404
        assert client_of(other).delete(one).status_code == 404
    assert client_of(owner_of(team)).delete(one).status_code == 204
    assert bearer(made["token"]).get("/api/v1/me/").status_code == 401


def test_a_teams_token_makes_and_ends_none(owner: User, team: Team) -> None:
    made = make(owner, team=team.slug).json()
    caller = bearer(made["token"])

    assert make(caller, team=team.slug).status_code == 403
    assert caller.delete(f"{TOKENS}{made['id']}/").status_code == 403


def test_nobody_signs_in_as_a_team(owner: User, team: Team) -> None:
    make(owner, team=team.slug)
    service = User.objects.get(service_team=team.pk)

    assert not service.has_usable_password()
    body = {"username": service.username, "password": ""}
    assert client_of().post("/api/v1/token/", body, format="json").status_code in {400, 401}


def test_a_team_has_one_account_whatever_a_person_is_called(owner: User, team: Team) -> None:
    PersonFactory(username="Payments.team")

    make(owner, team=team.slug)
    make(owner, team=team.slug)

    assert User.objects.get(service_team=team.pk).username == "payments.team-2"


def test_a_team_that_is_no_more_has_no_say(owner: User, team: Team) -> None:
    caller = bearer(make(owner, team=team.slug).json()["token"])
    Team.objects.filter(pk=team.pk).delete()

    assert caller.get("/api/v1/teams/").json()["count"] == 0


def test_unknown_tokens_from_one_address_find_an_end_and_good_ones_do_not(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    # They are counted by the minute: the next one must not begin among them.
    monkeypatch.setattr(guessing, "time", SimpleNamespace(time=lambda: 30.0))
    good = bearer(make(owner).json()["token"])

    answers = [bearer(f"argosy_{n}").get("/api/v1/me/").status_code for n in range(61)]

    assert answers == [401] * 60 + [429]
    assert good.get("/api/v1/me/").status_code == 200
    cache.clear()
