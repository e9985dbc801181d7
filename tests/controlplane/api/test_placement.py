"""Placement over REST: tried out, asked for by labels, chosen anew; and how much a cluster may promise."""

from decimal import Decimal
from typing import Any

import pytest

from controlplane.clusters.models import Cluster, Scheduling
from controlplane.identity.models import User
from controlplane.placement import services
from controlplane.placement.models import Room
from tenants import requests
from tenants.models import Request, Team
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    ClusterFactory,
    TeamFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db

PLACEMENT, ROOMS, REQUESTS = "/api/v1/placement/", "/api/v1/rooms/", "/api/v1/requests/"


@pytest.fixture
def eu() -> Cluster:
    return ClusterFactory(name="eu-1", labels={"region": "eu"})


@pytest.fixture
def team() -> Team:
    return TeamFactory(slug="payments")


def placed(team: Team) -> Request:
    asked = {"name": "night", "tier": "small", "labels": {"region": "eu"}}
    return requests.file(kind="create", team=team, by=owner_of(team), fields=asked)


def look(user: User, **said: Any) -> Any:
    usual = {"team": "payments", "tier": "small", "label": ["region=eu"]}
    return client_of(user).get(PLACEMENT, {**usual, **said})


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_a_team_sees_where_it_would_go_but_not_how_full_that_is(
    who: Who, team: Team, eu: Cluster
) -> None:
    answer = look(who(team))

    assert (answer.status_code, answer.json()["cluster"]) == (200, "eu-1")
    assert answer.json()["why"][0] == "eu-1 has region=eu, as asked."
    assert "figures" not in answer.json()
    assert "4 cores" in look(approver()).json()["figures"]


def test_nothing_is_tried_out_in_the_name_of_another_team(team: Team, eu: Cluster) -> None:
    assert look(owner_of(TeamFactory())).status_code == 404


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"label": ["region=mars"]}, "no_such_labels"),
        ({"label": ["region"]}, "bad_labels"),
        ({"label": ['region={}"\n']}, "bad_labels"),
        ({"tier": "giant"}, "no_tier"),
    ],
)
def test_what_goes_nowhere_is_a_sentence(
    said: dict[str, Any], code: str, team: Team, eu: Cluster
) -> None:
    answer = look(owner_of(team), **said)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_request_by_labels_says_where_it_goes_and_why(team: Team, eu: Cluster) -> None:
    body = {
        "kind": "create",
        "team": "payments",
        "asked": {"name": "night", "tier": "small", "labels": {"region": "eu"}},
    }

    made = client_of(owner_of(team)).post(REQUESTS, body, format="json").json()

    assert (made["cluster"], made["placed"]["cluster"]) == ("eu-1", "eu-1")
    assert "figures" not in made["placed"]
    read = client_of(approver()).get(f"{REQUESTS}{made['id']}/").json()
    assert "4 cores" in read["placed"]["figures"]


def test_a_request_that_lost_its_place_is_placed_anew_and_not_by_strangers(
    team: Team, eu: Cluster
) -> None:
    request = placed(team)
    ClusterFactory(name="eu-2", labels={"region": "eu"})
    path = f"{REQUESTS}{request.pk}/place/"

    assert client_of(approver()).post(path).status_code == 409  # it still fits
    Cluster.objects.filter(pk=eu.pk).update(scheduling=Scheduling.DRAINING)
    assert client_of(owner_of(TeamFactory())).post(path).status_code == 404
    assert client_of(viewer_of(team)).post(path).status_code == 403
    moved = client_of(owner_of(team)).post(path)

    assert (moved.status_code, moved.json()["cluster"]) == (200, "eu-2")
    assert [e["kind"] for e in moved.json()["events"]] == ["filed", "placed"]


def test_an_admin_says_how_much_a_cluster_may_promise_and_says_it_again(eu: Cluster) -> None:
    client = client_of(platform_admin())

    for cpu in ("64", "32.5"):
        body = {"cluster": "eu-1", "cpu": cpu, "memory_gib": "256"}
        assert client.post(ROOMS, body, format="json").status_code == 201

    room = Room.objects.get()
    assert (room.cpu, room.memory_gib) == (Decimal("32.5"), 256)
    assert client_of(approver()).get(ROOMS).json()["results"][0]["cpu"] == "32.500"


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_a_teams_people_neither_read_nor_write_rooms(who: Who, team: Team, eu: Cluster) -> None:
    services.save_room(eu, cpu=Decimal(1), memory_gib=Decimal(1))
    client = client_of(who(team))

    assert client.get(ROOMS).json()["results"] == []
    body = {"cluster": "eu-1", "cpu": "9", "memory_gib": "9"}
    assert client.post(ROOMS, body, format="json").status_code == 403
    assert Room.objects.get().cpu == 1


@pytest.mark.parametrize(
    "wrong", [{"cpu": None}, {"cpu": "-1"}, {"cluster": "moon"}, {"memory_gib": "much"}]
)
def test_half_a_room_or_a_strange_one_is_refused(wrong: dict[str, Any], eu: Cluster) -> None:
    body = {"cluster": "eu-1", "cpu": "1", "memory_gib": "1", **wrong}

    assert client_of(platform_admin()).post(ROOMS, body, format="json").status_code == 400
    assert not Room.objects.exists()
