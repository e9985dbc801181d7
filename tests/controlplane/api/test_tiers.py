"""Tiers: read by all, written by the platform's admins, and felt by every namespace."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.controlplane.api.conftest import client_of
from tests.factories import NamespaceFactory, PersonFactory, approver, platform_admin, tier

pytestmark = pytest.mark.django_db

TIERS = "/api/v1/tiers/"


def test_everybody_signed_in_reads_the_three_tiers(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_of(PersonFactory())

    with django_assert_num_queries(2):
        seen = client.get(TIERS).json()["results"]

    assert [t["slug"] for t in seen] == ["small", "medium", "large"]
    assert seen[0]["quota"]["requests.cpu"] == "4"


def test_an_edit_wishes_every_namespace_of_the_tier_anew() -> None:
    small, medium = NamespaceFactory(), NamespaceFactory(tier=tier("medium"))
    client = client_of(platform_admin())

    answer = client.patch(f"{TIERS}{tier().pk}/", {"parallelism": 3}, format="json")

    assert answer.status_code == 200
    small.refresh_from_db(), medium.refresh_from_db()
    assert (small.generation, medium.generation) == (2, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"quota": {}},
        {"quota": {"requests.cpu": "many"}},
        {"quota": "4 cores"},
        {"limits": {"defaults": {"cpu": "1"}}},
        {"limits": {"default": {"cpu": "-1"}}},
        {"limits": {"default": {"cpu": 1}}},
        {"parallelism": -1},
        {"parallelism": 0},
    ],
)
def test_a_tier_that_kubernetes_would_not_take_is_refused(wrong: dict[str, Any]) -> None:
    answer = client_of(platform_admin()).patch(f"{TIERS}{tier().pk}/", wrong, format="json")

    assert (answer.status_code, next(iter(answer.json()["error"]["fields"])).split(".")[0]) == (
        400,
        next(iter(wrong)),
    )
    assert tier().quota["requests.cpu"] == "4"


def test_a_slug_stays_what_it_is() -> None:
    answer = client_of(platform_admin()).patch(
        f"{TIERS}{tier().pk}/", {"slug": "tiny"}, format="json"
    )

    assert answer.json()["slug"] == "small"


def test_nobody_else_writes_tiers() -> None:
    for person in (PersonFactory(), approver()):
        answer = client_of(person).patch(f"{TIERS}{tier().pk}/", {"order": 9}, format="json")
        assert answer.status_code == 403


def test_limits_that_no_cluster_would_take_are_refused_by_field() -> None:
    small = tier()
    limits = {"default": {"cpu": "8"}, "max": {"cpu": "4"}}

    answer = client_of(platform_admin()).patch(
        f"/api/v1/tiers/{small.pk}/", {"limits": limits}, format="json"
    )

    assert answer.status_code == 400
    assert "default.cpu (8) is more than max.cpu (4)" in answer.json()["error"]["sentence"]


def test_a_controllers_resources_can_be_edited() -> None:
    small = tier()
    resources = {"requests": {"cpu": "100m"}, "limits": {"cpu": "1"}}

    answer = client_of(platform_admin()).patch(
        f"/api/v1/tiers/{small.pk}/", {"controller_resources": resources}, format="json"
    )

    assert answer.status_code == 200
    assert tier().controller_resources == resources
