"""Secrets over REST: an owner writes, others see that there is one, strangers see nothing, nobody reads."""

from base64 import b64encode
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from controlplane.secrets.models import Secret, Version
from tenants.models import Team
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db
SECRETS = "/api/v1/secrets/"
CANARY = "canary-91bd-do-not-tell"


@pytest.fixture
def team() -> Team:
    return TeamFactory(slug="atlas")


def wish(team: Team, **more: Any) -> dict[str, Any]:
    return {
        "team": team.slug,
        "name": "token",
        "kind": "opaque",
        "values": {"token": CANARY},
        **more,
    }


def added(team: Team, **more: Any) -> int:
    made = client_of(owner_of(team)).post(SECRETS, wish(team, **more), format="json")
    assert made.status_code == 201, made.json()
    return int(made.json()["id"])


def test_an_owner_writes_one_and_no_answer_holds_it(team: Team) -> None:
    client = client_of(owner_of(team))

    made = client.post(SECRETS, wish(team, expires_on="2099-01-01"), format="json")
    url = f"{SECRETS}{made.json()['id']}/"
    answers = [
        made,
        client.get(SECRETS),
        client.get(url),
        client.post(f"{url}renew/", {"values": {"a": CANARY}}, format="json"),
        client.post(f"{url}bring-back/", {"version": 1}, format="json"),
        client.post(f"{url}renew/", {"values": {"..": CANARY}}, format="json"),
        client.post(SECRETS, wish(team), format="json"),
        client.post(f"{url}test/"),
    ]

    assert [a.status_code for a in answers] == [201, 200, 200, 200, 200, 400, 400, 409]
    assert all(CANARY not in a.content.decode() for a in answers)
    assert made.json()["versions"][0]["keys"] == {"token": len(CANARY)}
    assert made.json()["standing"] == "good"


def test_there_is_no_field_by_which_a_value_or_its_ciphertext_comes_back(team: Team) -> None:
    pk = added(team)
    sealed = Version.objects.get().sealed

    shown = client_of(platform_admin()).get(f"{SECRETS}{pk}/").content.decode()

    assert sealed not in shown
    assert CANARY not in shown


@pytest.mark.parametrize("who", [member_of, viewer_of])
def test_members_and_viewers_see_that_there_is_one_and_write_nothing(team: Team, who: Any) -> None:
    pk, client = added(team), client_of(who(team))
    url = f"{SECRETS}{pk}/"

    assert client.get(url).json()["name"] == "token"
    writes = [
        client.post(SECRETS, wish(team, name="more"), format="json"),
        client.post(f"{url}renew/", {"values": {"a": "b"}}, format="json"),
        client.post(f"{url}bring-back/", {"version": 1}, format="json"),
        client.post(f"{url}test/"),
        client.delete(url),
    ]
    assert [a.status_code for a in writes] == [403] * 5


def test_the_platforms_people_see_them_all_and_write_none(team: Team) -> None:
    pk = added(team)
    for person in (approver(), platform_admin()):
        client = client_of(person)
        assert client.get(f"{SECRETS}{pk}/").status_code == 200
        assert client.delete(f"{SECRETS}{pk}/").status_code == 403
        assert client.post(SECRETS, wish(team, name="x"), format="json").status_code == 403


def test_another_team_finds_nothing_there(team: Team) -> None:
    pk, stranger = added(team), client_of(owner_of(TeamFactory()))
    url = f"{SECRETS}{pk}/"

    assert stranger.get(SECRETS).json()["results"] == []
    for answer in (
        stranger.get(url),
        stranger.delete(url),
        stranger.post(f"{url}renew/", {"values": {"a": "b"}}, format="json"),
        stranger.post(f"{url}bring-back/", {"version": 1}, format="json"),
        stranger.post(f"{url}test/"),
    ):
        assert answer.status_code == 404
    assert stranger.post(SECRETS, wish(team, name="x"), format="json").status_code == 400
    assert stranger.get(f"{SECRETS}?team=atlas").json()["results"] == []


def test_another_teams_namespace_is_none_that_one_may_name(team: Team) -> None:
    theirs = NamespaceFactory()

    answer = client_of(owner_of(team)).post(SECRETS, wish(team, namespace=theirs.pk), format="json")

    assert answer.status_code == 400
    assert f"There is no namespace {theirs.pk}" in answer.json()["error"]["sentence"]


def test_ones_own_namespace_of_another_team_is_none_of_this_team(team: Team) -> None:
    other = NamespaceFactory()
    both = PersonFactory(claimed_groups=[team.owner_group, other.team.owner_group])

    answer = client_of(both).post(SECRETS, wish(team, namespace=other.pk), format="json")

    assert answer.status_code == 400
    assert "atlas has no namespace" in answer.json()["error"]["sentence"]


def test_nobody_who_is_not_signed_in_gets_an_answer() -> None:
    assert client_of().get(SECRETS).status_code in {401, 403}


def test_what_is_no_text_comes_in_base64(team: Team) -> None:
    blob = bytes(range(256))

    pk = added(team, values={}, binary={"blob": b64encode(blob).decode()})

    assert Version.objects.get(secret=pk).sizes == {"blob": 256}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"binary": {"a": "no base64!"}}, "binary"),
        ({"kind": "nothing"}, "kind"),
        ({"name": "argo-owner"}, "name"),
        ({"values": {"a": {"b": 1}}}, "values.a"),
        ({"values": []}, "values"),
        ({"expires_on": "2001-01-01"}, "expires_on"),
        ({"namespace": 2**70}, "namespace"),
        ({"values": {"a\0": "x"}}, "values"),
    ],
)
def test_what_cannot_be_is_told_by_its_field(team: Team, more: Any, field: str) -> None:
    answer = client_of(owner_of(team)).post(SECRETS, wish(team, **more), format="json")

    assert answer.status_code == 400, answer.content
    assert field in answer.json()["error"]["fields"]
    assert not Secret.objects.exists()


def test_a_mebibyte_is_refused_with_the_way_out(team: Team) -> None:
    blob = b64encode(bytes(2**20)).decode()

    answer = client_of(owner_of(team)).post(
        SECRETS, wish(team, values={}, binary={"blob": blob}), format="json"
    )

    assert answer.status_code == 400
    assert "keep what is large in an artifact repository" in answer.json()["error"]["sentence"]


def test_a_removed_one_is_there_only_as_long_as_some_namespace_has_it(team: Team) -> None:
    here = NamespaceFactory(team=team)
    pk, client = added(team), client_of(owner_of(team))
    secret = Secret.objects.get(pk=pk)
    secret.deliveries.create(namespace=here, at=timezone.now())

    assert client.delete(f"{SECRETS}{pk}/").status_code == 204
    assert client.get(f"{SECRETS}{pk}/").json()["removed_at"]
    secret.deliveries.all().delete()
    assert client.get(f"{SECRETS}{pk}/").status_code == 404


def test_it_says_which_pods_get_there_and_where(team: Team, settings: Settings) -> None:
    place = {"host": "db.example.com", "database": "atlas", "user": "atlas"}
    pk = added(team, kind="archive", settings=place, values={"password": CANARY})
    client = client_of(viewer_of(team))

    settings.STORE_NETWORKS = []
    nowhere = client.get(f"{SECRETS}{pk}/").json()["reach"]
    settings.STORE_NETWORKS = ["10.20.0.0/16", "fd00::/8"]
    there = client.get(f"{SECRETS}{pk}/").json()["reach"]

    assert "Ask its admins to set ARGOSY_STORE_NETWORKS" in nowhere
    assert there == (
        "The team's workflow controller and its Argo server reach port 5432 in 10.20.0.0/16, fd00::/8."
    )
    assert client.get(f"{SECRETS}{added(team, name='keys')}/").json()["reach"] == ""


def test_the_kinds_and_what_each_asks_are_told_to_whoever_is_signed_in() -> None:
    found = client_of(PersonFactory()).get(f"{SECRETS}kinds/").json()["kinds"]

    assert [each["kind"] for each in found] == ["archive", "oidc", "opaque", "pull", "s3"]
    bucket = next(each for each in found if each["kind"] == "s3")
    assert [each["name"] for each in bucket["asks"] if each["secret"]] == [
        "access_key",
        "secret_key",
    ]
    assert next(each for each in bucket["asks"] if each["name"] == "tls") == {
        "name": "tls", "title": "TLS", "secret": False, "needed": True, "choices": ["yes", "no"],
        "usually": "yes", "about": "Without it keys and artifacts cross the network readable.",
    }  # fmt: skip


def test_it_is_not_tried_more_often_than_a_person_would(team: Team) -> None:
    """Somebody else's server is asked: this is no way to knock at it a thousand times."""
    nowhere = {"host": "127.0.0.1", "port": "1", "database": "atlas", "user": "atlas"}
    pk = added(team, kind="archive", settings=nowhere, values={"password": CANARY})
    client = client_of(owner_of(team))

    first, second = (client.post(f"{SECRETS}{pk}/test/") for _ in range(2))

    assert first.json()["works"] is False
    assert second.status_code == 409
    assert "was tried a moment ago" in second.json()["error"]["sentence"]


def test_a_list_of_many_asks_the_database_no_more_often(
    team: Team, django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        added(team, name=f"s-{number}")
    client = client_of(owner_of(team))

    with django_assert_max_num_queries(8):
        assert len(client.get(SECRETS).json()["results"]) == 4
