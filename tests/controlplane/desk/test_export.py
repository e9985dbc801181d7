"""A list as CSV: exactly its rows, streamed, harmless."""

import csv
import tracemalloc
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tenants.models import Request, Team, TenantNamespace
from tests.controlplane.desk.everything import Everything
from tests.factories import NamespaceFactory, TeamFactory, filed

pytestmark = pytest.mark.django_db


def exported(client: Client, name: str, **query: str) -> list[dict[str, str]]:
    answer = client.get(reverse(f"admin:{name}_export"), query)
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(text.splitlines()))


def test_it_holds_the_filtered_set_on_all_its_pages_and_nothing_else(admin: Client) -> None:
    team = TeamFactory()
    inside = {NamespaceFactory(team=team).name for _ in range(60)}
    NamespaceFactory()
    NamespaceFactory(team=team, deleted_at="2026-01-01T00:00:00Z")

    rows = exported(admin, "tenants_tenantnamespace", team__id__exact=str(team.pk))

    assert {row["name"] for row in rows} == inside
    assert len(rows) == 60


def test_search_and_order_are_those_of_the_list(admin: Client) -> None:
    for slug in ("atlas-b", "atlas-a", "beta"):
        TeamFactory(slug=slug)

    rows = exported(admin, "tenants_team", q="atlas", o="-0")

    assert [row["slug"] for row in rows] == ["atlas-b", "atlas-a"]


def test_every_list_can_be_exported(admin: Client, everything: Everything) -> None:
    for name in everything.rows:
        answer = admin.get(reverse(f"admin:{name}_export"))
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert len(b"".join(answer.streaming_content).decode().splitlines()) >= 2, name


def test_the_list_links_to_its_own_set(admin: Client, everything: Everything) -> None:
    page = admin.get(reverse("admin:tenants_team_changelist"), {"q": "a&b"}).content.decode()

    assert 'href="export/?q=a%26b"' in page


def test_a_formula_in_a_teams_words_is_text(admin: Client) -> None:
    TeamFactory(name="=HYPERLINK(1)", member_group="@x")

    row = exported(admin, "tenants_team")[0]

    assert (row["name"], row["members"]) == ("'=HYPERLINK(1)", "'@x")


def test_no_key_of_anything_is_exported(admin: Client, everything: Everything) -> None:
    for name in everything.rows:
        head = "".join(exported(admin, name)[0]).lower()
        assert not any(word in head for word in ("kubeconfig", "password", "digest"))


def test_its_memory_does_not_grow_with_its_rows(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    request = filed()
    many = [
        Request(
            kind="create",
            team=request.team,
            requested_by=request.requested_by,
            asked={},
            reason="x" * 500,
        )
        for _ in range(12_000)
    ]
    Request.objects.bulk_create(many)
    del many
    with django_assert_max_num_queries(8):
        answer = admin.get(reverse("admin:tenants_request_export"))
        tracemalloc.start()
        count = sum(1 for _ in answer.streaming_content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert count == 12_002  # the heading, and the one that was filed
    assert peak < 6_000_000  # all of them are more than 6 MB of reasons alone


def test_a_filter_that_makes_no_sense_is_no_way_to_everything(admin: Client) -> None:
    TeamFactory()

    answer = admin.get(reverse("admin:tenants_team_export"), {"slug__evil": "x"})

    assert answer.status_code in {302, 400}
    assert (Team.objects.count(), TenantNamespace.objects.count()) == (1, 0)
