"""The switcher: teams and namespaces one may see, found by a part of their names, from any page."""

import pytest
from django.test import Client

from controlplane.console.switching import FEW_NAMESPACES, where
from tests.browsing import queries
from tests.controlplane.console.pages import HTMX, read, signed_in, words
from tests.factories import ClusterFactory, NamespaceFactory, TeamFactory, owner_of, platform_admin

pytestmark = pytest.mark.django_db


def part(client: Client, **asked: str) -> str:
    return words(client.get("/switch/", asked, headers=HTMX).content.decode())


def test_every_page_has_it_and_it_works_without_javascript() -> None:
    namespace = NamespaceFactory(name="payments-test")
    client = signed_in(owner_of(namespace.team))

    home = client.get("/").content.decode()

    assert 'action="/switch/"' in home
    assert 'href="/switch/?at=%2F"' in home
    assert "payments-test" in read(client, "/switch/", q="pay")


def test_nothing_of_another_team_is_found_and_a_stranger_signs_in(client: Client) -> None:
    NamespaceFactory(name="secret-lab", team=TeamFactory(name="Secret lab"))
    mine = signed_in(owner_of(TeamFactory()))

    page = read(mine, "/switch/", q="secret")

    assert "No team of yours fits" in page
    assert "No namespace of yours fits" in page
    assert client.get("/switch/").status_code == 302


def test_of_thousands_a_few_are_listed_and_what_is_typed_finds_the_others() -> None:
    team, east = TeamFactory(), ClusterFactory(name="east")
    for n in range(40):
        NamespaceFactory(team=team, cluster=east, name=f"batch-{n:03}")
    client = signed_in(owner_of(team))

    first = client.get("/switch/", headers=HTMX).content.decode()

    assert first.count("/namespaces/") == FEW_NAMESPACES + 1  # the last leads to all of them
    assert "batch-039 east" in part(client, q="039")


def test_what_was_deleted_is_nowhere_to_switch_to() -> None:
    namespace = NamespaceFactory(name="gone", deleted_at="2026-01-01T00:00:00Z")

    assert "No namespace of yours fits" in part(signed_in(owner_of(namespace.team)), q="gone")


def test_before_anything_is_typed_it_lists_the_namespaces_of_the_team_that_is_chosen() -> None:
    mine, other = NamespaceFactory(name="mine"), NamespaceFactory(name="other")
    client = signed_in(platform_admin())
    client.get("/", {"team": mine.team.slug})

    assert "other" not in part(client)
    assert "other" in part(client, q="other")  # and is found all the same
    assert other.name in part(client, q="OTHER ")


def test_a_namespace_that_is_looked_at_is_remembered_nowhere() -> None:
    namespace = NamespaceFactory(name="payments")
    client = signed_in(owner_of(namespace.team))
    client.get("/")
    before = dict(client.session)

    client.get("/switch/", {"q": "pay", "at": "/workflows/"})
    client.get(f"/namespaces/{namespace.pk}/")

    assert dict(client.session) == before


@pytest.mark.parametrize(
    ("here", "leads_to"),
    [
        ("/namespaces/1/progress/", "/namespaces/{pk}/progress/"),
        ("/namespaces/1/images/", "/namespaces/{pk}/images/"),
        ("/namespaces/1/", "/namespaces/{pk}/"),
        ("/workflows/", "/workflows/?namespace=payments&cluster=east"),
        ("/violations/", "/violations/?namespace=payments&cluster=east"),
        ("/namespaces/1/workflows/hello/", "/namespaces/{pk}/"),
        ("/", "/namespaces/{pk}/"),
        ("//evil.example/", "/namespaces/{pk}/"),
        ("/namespaces/1/progress/\n", "/namespaces/{pk}/"),
    ],
)
def test_it_leads_to_the_page_that_is_open_of_another_namespace(here: str, leads_to: str) -> None:
    namespace = NamespaceFactory(name="payments", cluster=ClusterFactory(name="east"))

    assert where(here, namespace) == leads_to.format(pk=namespace.pk)


def test_it_costs_the_same_however_much_there_is() -> None:
    team = TeamFactory()
    NamespaceFactory(team=team)
    client = signed_in(owner_of(team))
    cost = queries(client, "/switch/?q=n")

    for _ in range(30):
        NamespaceFactory(team=team)

    assert queries(client, "/switch/?q=n") == cost
