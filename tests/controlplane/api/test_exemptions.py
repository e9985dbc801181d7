"""Exemptions over REST: a team asks, an approver decides, and another team sees none of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from controlplane.policies.models import ImageExemption
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    viewer_of,
)
from tests.images import FOREIGN, asked

pytestmark = pytest.mark.django_db

EXEMPTIONS = "/api/v1/exemptions/"


def wish(team: Any, **more: Any) -> dict[str, Any]:
    return {
        "team": team.slug,
        "image": FOREIGN,
        "reason": "The vendor moves it next week.",
        "not_after": (timezone.now() + timedelta(days=7)).isoformat(),
        **more,
    }


def now_asked(team: Any, **more: Any) -> ImageExemption:
    return asked(team, now=timezone.now(), **more)


def test_a_member_asks_and_an_approver_agrees() -> None:
    here = NamespaceFactory()
    client = client_of(member_of(here.team))

    made = client.post(EXEMPTIONS, wish(here.team, namespace=here.name), format="json")
    url = f"{EXEMPTIONS}{made.json()['id']}/"
    by = approver()
    agreed = client_of(by).post(f"{url}approve/", {"note": "until Friday"}, format="json")

    assert (made.status_code, made.json()["state"], made.json()["holds"]) == (201, "pending", False)
    shown = agreed.json()
    assert (agreed.status_code, shown["state"], shown["holds"]) == (200, "approved", True)
    assert (shown["approved_by"], shown["namespace"], shown["note"]) == (
        by.username,
        here.name,
        "until Friday",
    )
    assert client.post(f"{url}end/", {}, format="json").json()["state"] == "ended"


def test_nobody_approves_what_they_asked_for() -> None:
    team = TeamFactory()
    both = PersonFactory(claimed_groups=[team.owner_group, "argosy-admins"])
    exemption = now_asked(team, by=both)

    answer = client_of(both).post(f"{EXEMPTIONS}{exemption.pk}/approve/", {}, format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "own_exemption")


def test_another_team_sees_and_does_nothing() -> None:
    exemption = now_asked(TeamFactory())
    client = client_of(owner_of(TeamFactory()))
    url = f"{EXEMPTIONS}{exemption.pk}/"

    assert client.get(EXEMPTIONS).json()["count"] == 0
    assert client.get(url).status_code == 404
    for act in ("approve", "reject", "end"):
        assert client.post(f"{url}{act}/", {"note": "x"}, format="json").status_code == 404
    answer = client.post(EXEMPTIONS, wish(exemption.team), format="json")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["team"])


def test_another_teams_namespace_cannot_be_named() -> None:
    theirs, ours = NamespaceFactory(), TeamFactory()
    client = client_of(owner_of(ours))

    answer = client.post(EXEMPTIONS, wish(ours, namespace=theirs.name), format="json")

    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["namespace"])


def test_a_viewer_asks_for_nothing_and_a_member_decides_nothing() -> None:
    exemption = now_asked(TeamFactory())
    viewer, member = viewer_of(exemption.team), member_of(exemption.team)

    other = wish(exemption.team, image="evil.example/x:1")
    assert client_of(viewer).post(EXEMPTIONS, other, format="json").status_code == 403
    url = f"{EXEMPTIONS}{exemption.pk}/approve/"
    assert client_of(member).post(url, {}, format="json").status_code == 403


def test_who_is_not_signed_in_gets_401() -> None:
    assert client_of().get(EXEMPTIONS).status_code == 401
    assert client_of().post(EXEMPTIONS, {}, format="json").status_code == 401


def test_what_was_decided_is_a_409() -> None:
    exemption = now_asked(TeamFactory())
    client = client_of(approver())
    url = f"{EXEMPTIONS}{exemption.pk}/reject/"

    assert client.post(url, {"note": "use ours"}, format="json").status_code == 200
    again = client.post(url, {"note": "use ours"}, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_open")
    overlap = client_of(member_of(exemption.team))
    overlap.post(EXEMPTIONS, wish(exemption.team), format="json")
    twice = overlap.post(EXEMPTIONS, wish(exemption.team), format="json")
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "overlapping")


def test_the_list_asks_as_often_for_many_as_for_few(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(6):
        now_asked(TeamFactory())
    client = client_of(approver())

    with django_assert_num_queries(2):
        shown = client.get(EXEMPTIONS, {"state": "pending"}).json()
    assert shown["count"] == 6
