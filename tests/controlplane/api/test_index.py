"""Workflows over all of one's own teams' namespaces: narrowed, ordered, paged, and nobody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from controlplane.index.models import Workflow
from tenants.models import Team, TenantNamespace
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    NamespaceFactory,
    TeamFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db

WORKFLOWS = "/api/v1/workflows/"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def indexed(namespace: TenantNamespace, name: str = "hello", **facts: Any) -> Workflow:
    made = {"uid": f"uid-{Workflow.objects.count()}", "created_at": NOON, **facts}
    return Workflow.objects.create(namespace=namespace, name=name, **made)


def names(team: Team, /, **query: Any) -> list[str]:
    answer = client_of(viewer_of(team)).get(WORKFLOWS, query)
    assert answer.status_code == 200, answer.content
    return [each["name"] for each in answer.json()["results"]]


@pytest.fixture
def payments() -> TenantNamespace:
    return NamespaceFactory(name="payments")


def test_a_workflow_is_shown_as_it_was_last_seen(payments: TenantNamespace) -> None:
    indexed(payments, phase="Running", steps_done=3, steps_total=9, labels={"a": "b"})

    (shown,) = client_of(member_of(payments.team)).get(WORKFLOWS).json()["results"]

    assert (shown["name"], shown["namespace"], shown["namespace_id"]) == (
        "hello",
        "payments",
        payments.pk,
    )
    assert (shown["team"], shown["cluster"]) == (payments.team.slug, payments.cluster.name)
    assert (shown["phase"], shown["progress"], shown["labels"]) == ("Running", "3/9", {"a": "b"})
    assert shown["created_at"] == "2026-01-01T12:00:00Z"


def test_a_workflow_without_steps_has_no_progress(payments: TenantNamespace) -> None:
    indexed(payments)

    shown = client_of(member_of(payments.team)).get(WORKFLOWS).json()["results"][0]

    assert shown["progress"] == ""


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_each_level_sees_its_teams_workflows(payments: TenantNamespace, who: Who) -> None:
    indexed(payments)

    assert client_of(who(payments.team)).get(WORKFLOWS).json()["count"] == 1


def test_another_team_sees_nothing_whatever_it_asks(payments: TenantNamespace) -> None:
    indexed(payments, phase="Running")
    strangers = TeamFactory()

    assert names(strangers) == []
    for query in (
        {"team": payments.team.slug},
        {"namespace": "payments"},
        {"cluster": payments.cluster.name},
        {"text": "hello"},
        {"phase": "Running"},
    ):
        assert names(strangers, **query) == []


@pytest.mark.parametrize("who", [approver, platform_admin])
def test_being_of_the_platform_opens_no_teams_workflows(
    payments: TenantNamespace, who: Who
) -> None:
    indexed(payments)

    assert client_of(who()).get(WORKFLOWS).json()["count"] == 0


def test_a_stranger_is_told_to_sign_in() -> None:
    assert client_of().get(WORKFLOWS).status_code == 401


def test_a_list_is_read_only(payments: TenantNamespace) -> None:
    assert client_of(owner_of(payments.team)).post(WORKFLOWS, {}, "json").status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        {"phase": "Failed"},
        {"namespace": "ledger"},
        {"cluster": "far"},
        {"template": "close-the-books"},
        {"text": "GHTL"},
        {"text": "MEMORY"},
        {"team": "atlas", "outcome": "bad"},
        {"finished_since": "2026-01-01T13:00:00Z"},
        {"since": "2026-01-01T12:30:00Z"},
        {"since": "2026-01-01T13:30:00+01:00", "until": "2026-01-02T00:00:00Z"},
    ],
)
def test_a_list_is_narrowed_by_what_is_asked(
    payments: TenantNamespace, query: dict[str, str]
) -> None:
    ledger = NamespaceFactory(name="ledger", team=payments.team, cluster__name="far")
    Team.objects.filter(pk=payments.team.pk).update(slug="atlas")
    indexed(payments, phase="Running", template="close-the-books-2")
    indexed(
        ledger,
        "nightly",
        phase="Failed",
        template="close-the-books",
        message="out of memory",
        created_at=NOON + timedelta(hours=1),
        finished_at=NOON + timedelta(hours=2),
    )

    assert names(payments.team, **query) == ["nightly"]


def test_one_that_no_controller_has_seen_is_pending(payments: TenantNamespace) -> None:
    indexed(payments)

    assert names(payments.team, phase="Pending") == ["hello"]


def test_until_is_before_and_since_is_from(payments: TenantNamespace) -> None:
    indexed(payments)

    assert names(payments.team, until=NOON.isoformat()) == []
    assert names(payments.team, since=NOON.isoformat()) == ["hello"]


def test_one_of_ones_teams_is_asked_for_by_its_name(payments: TenantNamespace) -> None:
    other = NamespaceFactory()
    indexed(payments, "mine")
    indexed(other, "ours")
    both = owner_of(payments.team)
    both.claimed_groups = [payments.team.owner_group, other.team.viewer_group]
    both.save()

    answer = client_of(both).get(WORKFLOWS, {"team": other.team.slug}).json()

    assert [w["name"] for w in answer["results"]] == ["ours"]


@pytest.mark.parametrize(
    ("order", "names_then"),
    [
        ("", ["c", "b", "a"]),
        ("-created", ["c", "b", "a"]),
        ("created", ["a", "b", "c"]),
        ("name", ["a", "b", "c"]),
        ("-name", ["c", "b", "a"]),
        ("started", ["b", "a", "c"]),
        ("-started", ["a", "b", "c"]),
        ("-finished", ["a", "c", "b"]),
    ],
)
def test_a_list_is_in_the_order_that_is_asked_and_what_has_no_such_time_is_last(
    payments: TenantNamespace, order: str, names_then: list[str]
) -> None:
    hour = timedelta(hours=1)
    indexed(payments, "a", started_at=NOON + hour, finished_at=NOON + hour)
    indexed(payments, "b", created_at=NOON + hour, started_at=NOON)
    indexed(payments, "c", created_at=NOON + 2 * hour)

    assert names(payments.team, **({"order": order} if order else {})) == names_then


def test_pages_follow_each_other_without_gap_or_overlap(payments: TenantNamespace) -> None:
    for number in range(5):  # made in the same second, as a burst is
        indexed(payments, f"w{number}")

    pages = [names(payments.team, page=page, page_size=2) for page in (1, 2, 3)]

    assert pages == [["w4", "w3"], ["w2", "w1"], ["w0"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"order": "uid"}, "order"),
        ({"since": "yesterday"}, "since"),
        ({"until": "0000-00-00"}, "until"),
        ({"text": "a" * 254}, "text"),
        ({"text": "\0"}, "text"),
        ({"phase": "a\0"}, "phase"),
        ({"outcome": "ugly"}, "outcome"),
        ({"finished_since": "today"}, "finished_since"),
    ],
)
def test_what_cannot_be_asked_is_a_400_that_names_it(
    payments: TenantNamespace, query: dict[str, str], field: str
) -> None:
    answer = client_of(owner_of(payments.team)).get(WORKFLOWS, query)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


def test_a_list_costs_the_same_whatever_its_length(
    payments: TenantNamespace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(4):
        indexed(NamespaceFactory(team=payments.team), f"w{number}")
    client = client_of(owner_of(payments.team))

    with django_assert_num_queries(2):
        assert client.get(WORKFLOWS).json()["count"] == 4
