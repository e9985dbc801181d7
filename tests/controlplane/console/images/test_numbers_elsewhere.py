"""How many images broke the policy, told on other pages."""

import pytest

from tests.browsing import browser, queries
from tests.controlplane.console.images.stories import place, seen
from tests.controlplane.console.pages import read
from tests.factories import (
    owner_of,
)

pytestmark = pytest.mark.django_db


def test_home_and_the_namespace_say_how_many_broke_the_policy_lately() -> None:
    where = place()
    seen(where)
    seen(where, name="a-day-ago", hours=25)
    seen(where, namespace=f"{where.name}-argo")
    client = browser(owner_of(where.team))

    assert "1 image broke the policy in 24 h, in 2 places" in read(client, "/")
    assert "1 image broke the policy in 24 h, in 2 places" in read(
        client, f"/namespaces/{where.pk}/"
    )
    assert "Violations 1 " in read(client, "/crons/")


def test_of_two_namespaces_of_one_name_each_has_its_own_number() -> None:
    one = place()
    other = place(team=one.team)
    seen(one)
    client = browser(owner_of(one.team))

    assert "1 image broke" in read(client, f"/namespaces/{one.pk}/")
    assert "No image broke" in read(client, f"/namespaces/{other.pk}/")


def test_one_image_refused_under_many_names_is_one_image_in_many_places() -> None:
    where = place()
    for n in range(8):
        seen(where, kind="Workflow", name=f"hello-{n}")
    seen(where, kind="Workflow", name="hello-7", code="forbidden-tag")
    client = browser(owner_of(where.team))

    said = "1 image broke the policy in 24 h, in 8 places"
    assert said in read(client, "/")
    assert said in read(client, f"/namespaces/{where.pk}/")
    assert "1 in the last 24 hours, in 8 places" in read(client, "/violations/")
    assert "Violations 1 " in read(client, "/crons/")


def test_the_numbers_take_the_same_queries_however_much_broke_the_policy() -> None:
    where = place()
    seen(where)
    client = browser(owner_of(where.team))
    cost = [queries(client, path) for path in ("/", f"/namespaces/{where.pk}/", "/crons/")]

    for n in range(9):
        seen(where, name=f"hello-{n}", image=f"evil.example/miner:{n}")

    after = [queries(client, path) for path in ("/", f"/namespaces/{where.pk}/", "/crons/")]
    assert after == cost
