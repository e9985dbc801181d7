"""Who may read what was done, how it is narrowed, and that an export is exactly what was shown."""

import csv
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from controlplane.audit import asking, record
from controlplane.audit.models import Event
from controlplane.errors import DomainError
from controlplane.identity.models import User
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    platform_admin,
)

pytestmark = pytest.mark.django_db

API = "/api/v1/audit/"


@pytest.fixture
def world() -> dict[str, Any]:
    """Two teams in which something was done, and something of the platform's."""
    payments, billing = TeamFactory(slug="payments"), TeamFactory(slug="billing")
    people = {"owner": owner_of(payments), "foreign": owner_of(billing), "admin": platform_admin()}
    people |= {"member": member_of(payments), "approver": approver()}
    record("request.filed", actor="ann", target="request #1", team="payments", after={"a": "=1+1"})
    record("request.filed", actor="bob", target="request #2", team="billing")
    record("tier.changed", actor="carol", target="tier small")
    return people


def targets(user: User, **query: str) -> set[str]:
    answer = client_of(user).get(API, query)
    assert answer.status_code == 200, answer.json()
    ours = {"request #1", "request #2", "tier small"}
    return {row["target"] for row in answer.json()["results"]} & ours


def test_an_owner_reads_of_their_own_team_and_of_no_other(world: dict[str, Any]) -> None:
    assert targets(world["owner"]) == {"request #1"}
    assert targets(world["foreign"]) == {"request #2"}
    assert targets(world["owner"], team="billing") == set()


def test_an_admin_reads_all(world: dict[str, Any]) -> None:
    assert targets(world["admin"]) == {"request #1", "request #2", "tier small"}


def test_an_auditor_reads_all(world: dict[str, Any], settings: Any) -> None:
    auditor = PersonFactory(claimed_groups=[settings.AUDITOR_GROUP])

    assert targets(auditor) == targets(world["admin"])


@pytest.mark.parametrize("who", ["member", "approver"])
def test_everybody_else_reads_what_they_did_themselves(world: dict[str, Any], who: str) -> None:
    record("token.issued", actor=world[who].username, target="request #2")

    assert targets(world[who]) == {"request #2"}


def test_nobody_reads_without_signing_in() -> None:
    assert client_of().get(API).status_code == 401


def test_one_act_of_another_team_is_not_there(world: dict[str, Any]) -> None:
    event = Event.objects.get(target="request #1")

    assert client_of(world["owner"]).get(f"{API}{event.pk}/").status_code == 200
    assert client_of(world["foreign"]).get(f"{API}{event.pk}/").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_by_the_api(world: dict[str, Any], method: str) -> None:
    event = Event.objects.get(target="request #1")

    answer = getattr(client_of(world["admin"]), method)(f"{API}{event.pk}/", {}, format="json")

    assert answer.status_code == 405


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"actor": "ann"}, {"request #1"}),
        ({"action": "tier.changed"}, {"tier small"}),
        ({"outcome": "denied"}, set()),
        ({"target": "REQUEST"}, {"request #1", "request #2"}),
        ({"since": "2000-01-01", "until": "2000-01-02"}, set()),
        ({"since": "2000-01-01"}, {"request #1", "request #2", "tier small"}),
        ({"team": "payments", "actor": "bob"}, set()),
    ],
)
def test_a_list_is_narrowed(world: dict[str, Any], query: dict[str, str], found: set[str]) -> None:
    assert targets(world["admin"], **query) == found


def test_a_day_that_is_named_as_the_last_is_meant_whole() -> None:
    asked = asking.read({"since": "2026-11-22", "until": "2026-11-22"})

    assert asked.since == datetime(2026, 11, 22, tzinfo=UTC)
    assert asked.until == datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "maybe"},
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"since": "0001-01-01T00:00+23:00"},
        {"actor": "x" * 300},
        {"team": "a\0b"},
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_beside_its_field(said: dict[str, str]) -> None:
    with pytest.raises(DomainError) as refused:
        asking.read(said)

    assert refused.value.field in said


def test_a_filter_that_cannot_be_read_is_a_400_and_no_empty_export(client: Client) -> None:
    client.force_login(platform_admin())

    assert client_of(platform_admin()).get(API, {"since": "yesterday"}).status_code == 400
    assert client.get("/audit/export.csv", {"since": "yesterday"}).status_code == 400
    page = client.get("/audit/", {"since": "yesterday"})
    assert "A day looks like 2026-11-22" in page.content.decode()


def exported(client: Client, **query: str) -> list[dict[str, str]]:
    answer = client.get("/audit/export.csv", query)
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(text.splitlines()))


def test_an_export_is_exactly_what_the_filters_show(world: dict[str, Any], client: Client) -> None:
    client.force_login(world["owner"])

    rows = exported(client, action="request.filed")

    assert [(row["who"], row["to what"]) for row in rows] == [("ann", "request #1")]
    assert {row["team"] for row in exported(client)} <= {"payments", ""}


def test_an_export_is_harmless_in_a_spreadsheet(world: dict[str, Any], client: Client) -> None:
    record("x", actor="=cmd", target="=1+1", team="payments")
    client.force_login(world["owner"])

    (row,) = exported(client, action="x")

    assert (row["who"], row["to what"]) == ("'=cmd", "'=1+1")


def test_taking_an_export_is_an_act(world: dict[str, Any], client: Client) -> None:
    client.force_login(world["admin"])

    exported(client, actor="ann")

    event = Event.objects.filter(action="audit.exported").get()
    assert (event.actor, event.after) == (world["admin"].username, {"actor": "ann"})


def test_the_page_shows_each_act_with_what_it_changed(
    world: dict[str, Any], client: Client
) -> None:
    record("tier.changed", target="tier large", before={"cpu": "1"}, after={"cpu": "<b>2"})
    client.force_login(world["admin"])

    page = client.get("/audit/", {"target": "tier large"}).content.decode()

    assert "tier large" in page
    assert "&lt;b&gt;2" in page
    assert "request #1" not in page


def test_the_page_of_another_team_shows_nothing_of_this_one(
    world: dict[str, Any], client: Client
) -> None:
    client.force_login(world["foreign"])

    page = client.get("/audit/", {"target": "request"}).content.decode()

    assert "request #2" in page
    assert "request #1" not in page


def test_a_page_of_many_acts_asks_as_often_as_one_of_few(
    world: dict[str, Any], client: Client, django_assert_max_num_queries: Any
) -> None:
    client.force_login(world["owner"])
    for number in range(60):
        record("x", target=f"request #{number}", team="payments")

    with django_assert_max_num_queries(14):
        client.get("/audit/")
