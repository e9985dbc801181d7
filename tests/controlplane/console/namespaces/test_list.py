"""The list of namespaces: narrowed, sorted and paged by its address."""

import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.controlplane.console.namespaces.stories import degraded, ready, workflow
from tests.controlplane.console.pages import HTMX, read, signed_in
from tests.factories import (
    TeamFactory,
    approver,
    owner_of,
    tier,
)

pytestmark = pytest.mark.django_db


def listed(client: Client, **asked: str) -> list[str]:
    return [n.name for n in client.get("/namespaces/", asked).context["page"].object_list]


def test_the_list_is_cut_into_pages_and_tells_how_many_there_are() -> None:
    team = TeamFactory()
    for n in range(30):
        ready(team=team, name=f"n-{n:02}")
    client = signed_in(owner_of(team))

    assert len(listed(client)) == 25
    assert listed(client, page="2") == [f"n-{n}" for n in range(25, 30)]
    assert "26 to 30 of 30 namespaces" in read(client, "/namespaces/", page="2")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["alpha", "beta"]),
        ({"sort": "-name"}, ["beta", "alpha"]),
        ({"sort": "team"}, ["beta", "alpha"]),
        ({"sort": "nonsense"}, ["alpha", "beta"]),
        ({"q": "ALP"}, ["alpha"]),
        ({"q": "atlas"}, ["beta"]),
        ({"team": "zoo"}, ["alpha"]),
        ({"cluster": "eu-1"}, ["alpha"]),
        ({"tier": "medium"}, ["beta"]),
        ({"phase": "Degraded"}, ["beta"]),
        ({"phase": "Terminated"}, ["gone"]),
        ({"q": "nothing\x00like this"}, []),
        ({"page": "99"}, ["alpha", "beta"]),
    ],
)
def test_the_list_is_narrowed_and_sorted_by_its_address(
    asked: dict[str, str], found: list[str]
) -> None:
    zoo, atlas = TeamFactory(slug="zoo"), TeamFactory(slug="atlas")
    ready(team=zoo, name="alpha", cluster__name="eu-1")
    degraded(team=atlas, name="beta", tier=tier("medium"))
    ready(team=zoo, name="gone", phase="Terminated", deleted_at=timezone.now())

    assert listed(signed_in(approver()), **asked) == found


def test_another_teams_namespaces_are_not_listed() -> None:
    ready()

    assert "No namespace yet" in read(signed_in(owner_of(TeamFactory())), "/namespaces/")


def test_a_list_where_nothing_fits_shows_the_way_back() -> None:
    page = read(signed_in(owner_of(ready().team)), "/namespaces/", q="zebra")

    assert "No namespace fits that. Clear the filters" in page


def test_the_filters_offer_only_clusters_one_has_something_on() -> None:
    mine = ready(cluster__name="eu-1")
    ready(cluster__name="secret-lab")

    page = read(signed_in(owner_of(mine.team)), "/namespaces/")

    assert "eu-1" in page
    assert "secret-lab" not in page


def test_the_list_costs_the_same_whatever_its_length(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(30):
        workflow(ready(), "Running")
    client = signed_in(approver())

    with django_assert_num_queries(14):
        client.get("/namespaces/")


def test_the_list_looks_again_while_something_in_it_moves_and_stops_with_it() -> None:
    namespace = ready(name="alpha", phase="Provisioning")
    ready(name="other", team=TeamFactory())
    client = signed_in(owner_of(namespace.team))
    asked = {"q": "alp", "sort": "-name"}

    whole = client.get("/namespaces/", asked).content.decode()
    (again,) = re.findall(r'hx-get="([^"]*)"[^>]* hx-trigger="load delay:2s"', whole)
    part = client.get(f"/namespaces/{again.replace('&amp;', '&')}", headers=HTMX).content.decode()
    namespace.phase = "Ready"
    namespace.save()
    last = client.get(f"/namespaces/{again.replace('&amp;', '&')}", headers=HTMX).content.decode()

    assert "q=alp" in again
    assert "sort=-name" in again
    assert "looks=2" in part
    assert not re.search(r'<a href="[^"]*looks=', part)
    assert "<html" not in part
    assert "Ready" in last
    assert "hx-get" not in last
    for sent in (whole, part, last):
        assert ">other<" not in sent
