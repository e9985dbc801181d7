"""How many images broke the policy, told on other pages."""

import pytest

from tests.browsing import browser
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

    assert "2 images broke the policy in 24 h" in read(client, "/")
    assert "2 images broke the policy in 24 h" in read(client, f"/namespaces/{where.pk}/")
    assert "Violations 2" in read(client, "/crons/")


def test_of_two_namespaces_of_one_name_each_has_its_own_number() -> None:
    one = place()
    other = place(team=one.team)
    seen(one)
    client = browser(owner_of(one.team))

    assert "1 image broke" in read(client, f"/namespaces/{one.pk}/")
    assert "No image broke" in read(client, f"/namespaces/{other.pk}/")
