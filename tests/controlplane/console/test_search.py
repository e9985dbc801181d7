"""Finding things: the search, its palette, and one team among many."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from controlplane.console.frame import Frame
from controlplane.index.models import Workflow
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import HTMX, read, signed_in, words
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    filed,
    owner_of,
    platform_admin,
)

pytestmark = pytest.mark.django_db


def found(client: Client, query: str) -> dict[str, list[str]]:
    """What a search finds, by the title of its group."""
    groups: list[Any] = client.get("/search/", {"q": query}).context["groups"]
    return {group.title: [each.name for each in group.found] for group in groups}


def workflow(namespace: TenantNamespace, name: str) -> Workflow:
    return Workflow.objects.create(
        namespace=namespace, uid=name, name=name, created_at=timezone.now(), resource_version="1"
    )


def test_one_word_finds_everything_of_that_name() -> None:
    team = TeamFactory(slug="payments", name="Payments")
    workflow(NamespaceFactory(team=team, name="payments"), "payments-x7k2p")
    request = filed(team, name="payments-ml")

    seen = found(signed_in(owner_of(team)), "PAYM")

    assert seen["Namespaces"] == ["payments"]
    assert seen["Requests"][0].startswith(f"#{request.pk} Make the namespace payments-ml")
    assert seen["Workflows"] == ["payments-x7k2p"]
    assert seen["Teams"] == ["Payments"]


def test_another_teams_things_are_not_found() -> None:
    team = TeamFactory(slug="payments", name="Payments")
    workflow(NamespaceFactory(team=team, name="payments"), "payments-x7k2p")
    filed(team, name="payments-ml")

    assert found(signed_in(owner_of(TeamFactory())), "paym") == {}


def test_the_platforms_people_do_not_find_a_teams_workflows() -> None:
    workflow(NamespaceFactory(name="payments"), "payments-x7k2p")

    assert set(found(signed_in(approver()), "payments")) == {"Namespaces"}


def test_a_request_is_found_by_its_number_and_by_who_asked() -> None:
    request = filed(name="payments")
    client = signed_in(approver())

    assert len(found(client, f"#{request.pk}")["Requests"]) == 1
    assert len(found(client, request.requested_by.username)["Requests"]) == 1


def test_pages_are_found_by_their_name_those_of_the_platform_by_its_people_alone() -> None:
    assert found(signed_in(approver()), "inbo") == {"Go to": ["Inbox"]}
    assert found(signed_in(owner_of(TeamFactory())), "inbo") == {}


@pytest.mark.parametrize("word", ["sched", "CRON"])
def test_schedules_are_found_by_the_word_of_either_side(word: str) -> None:
    assert found(signed_in(owner_of(TeamFactory())), word) == {"Go to": ["Schedules"]}


def test_a_page_is_gone_to_by_its_first_letter() -> None:
    around = Frame(owner_of(TeamFactory()), "", "/")
    keys = {page.name: page.key for page in (*around.pages, *around.platform_pages) if page.key}

    assert all(key == name[0].lower() for name, key in keys.items())
    assert len(set(keys.values())) == len(keys)


def test_without_a_word_the_pages_are_offered() -> None:
    assert "Go to Home Namespaces Workflows" in read(signed_in(owner_of(TeamFactory())), "/search/")


@pytest.mark.parametrize("query", ["%", "_", "\x00", "#99999999999999999999", "'; --", "x" * 5000])
def test_odd_words_are_words(query: str) -> None:
    NamespaceFactory(name="payments")

    answer = signed_in(approver()).get("/search/", {"q": query})

    assert answer.status_code == 200
    assert b"/namespaces/1/" not in answer.content


def test_what_fits_nothing_says_how_things_are_found() -> None:
    page = read(signed_in(approver()), "/search/", q="zebra")

    assert "Nothing of yours fits “zebra”." in page


def test_more_than_fit_the_page_are_where_the_list_is() -> None:
    for n in range(22):
        NamespaceFactory(name=f"atlas-{n}")

    html = signed_in(approver()).get("/search/", {"q": "atlas"}).content.decode()

    assert html.count('href="/namespaces/') == 20 + 2  # the sidebar's, and the way to the list
    assert "/namespaces/?q=atlas" in html


def test_the_palette_is_given_the_part_alone_and_fewer() -> None:
    for n in range(8):
        NamespaceFactory(name=f"atlas-{n}")

    html = signed_in(approver()).get("/search/", {"q": "atlas"}, headers=HTMX).content.decode()

    assert "<html" not in html
    assert html.count('<a href="/namespaces/') == 6 + 1


def test_every_page_has_the_search_box_and_the_palette() -> None:
    html = signed_in(approver()).get("/").content.decode()

    assert "data-slash" in html
    assert '<dialog class="palette"' in html


def test_a_search_costs_the_same_whatever_it_finds(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    team = TeamFactory(slug="atlas")
    for n in range(15):
        workflow(NamespaceFactory(team=team, name=f"atlas-{n}"), f"atlas-{n}")
    client = signed_in(owner_of(team))

    with django_assert_num_queries(10):
        client.get("/search/", {"q": "atlas"})


# The team switcher and the sidebar.


def test_one_of_200_teams_is_found_by_a_part_of_its_name() -> None:
    for n in range(200):
        TeamFactory(slug=f"dept-{n:03}", name=f"Department {n:03}")
    client = signed_in(platform_admin())

    home = client.get("/").content.decode()
    page = read(client, "/teams/", q="ment 17")
    part = words(client.get("/switch/", {"q": "dept-199"}, headers=HTMX).content.decode())

    assert home.count("/?team=dept-") == 12
    assert "1 to 10 of 10 teams" in page
    assert "Teams Department 199 Namespaces" in part


def test_another_team_is_not_among_those_to_choose() -> None:
    mine, theirs = TeamFactory(), TeamFactory(name="Secret lab")
    client = signed_in(owner_of(mine))

    assert "Secret lab" not in read(client, "/")
    assert "No team of yours fits" in read(client, "/teams/", q=theirs.slug)


def test_the_sidebar_counts_what_is_there_and_marks_the_page() -> None:
    team = TeamFactory()
    NamespaceFactory(team=team)
    filed(team, name="more")

    html = signed_in(owner_of(team)).get("/namespaces/").content.decode()

    assert ' href="/namespaces/" aria-current="page">Namespaces' in html
    assert (
        "Namespaces 1 Workflows Schedules Violations 0 Exemptions Secrets Requests 1 Usage Chargeback "
        "Kubeconfigs Audit Tokens New namespace" in words(html)
    )
    assert "Inbox" not in html


def test_an_approver_sees_the_inbox_without_their_own_requests() -> None:
    team = TeamFactory()
    both = PersonFactory(claimed_groups=[team.owner_group, "argosy-approvers"])
    request = filed(team, name="mine")
    request.requested_by = both
    request.save()
    filed(name="theirs")

    page = read(signed_in(both), "/")

    assert "Requests 2" in page
    assert "Inbox 1" in page


def test_staff_find_the_desk() -> None:
    assert "Desk" in read(signed_in(PersonFactory(is_staff=True)), "/")
    assert "Desk" not in read(signed_in(PersonFactory()), "/")
