"""Every page of the desk: nothing inline, a fixed number of queries, names that do no harm; and search."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.headers import OURS
from provisioning.models import Turn
from tests.controlplane.desk.everything import Everything, more_of_images
from tests.factories import NamespaceFactory, PersonFactory, TeamFactory, filed

pytestmark = pytest.mark.django_db

REFUSED_OR_FILES = (
    "/add/",
    "/delete/",
    "/export/",
)  # what is recorded nobody adds; all else is read


class Inline(HTMLParser):
    """What a strict policy would refuse: scripts and styles in the page itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in given if name == "style" or name[:2] == "on"]


def test_the_desk_has_the_consoles_policy(admin: Client) -> None:
    policy = admin.get(reverse("admin:index")).headers["Content-Security-Policy"]

    assert policy == OURS
    assert "unsafe" not in policy


def test_no_page_has_anything_inline(admin: Client, everything: Everything) -> None:
    for url in everything.urls():
        answer = admin.get(url)
        if url.endswith(REFUSED_OR_FILES) and (answer.streaming or answer.status_code == 403):
            continue
        assert answer.status_code == 200, url
        seen = Inline()
        seen.feed(answer.content.decode())
        assert seen.found == [], url


def test_a_reader_sees_json_without_inline_colours(reader: Client, everything: Everything) -> None:
    url = reverse("admin:tenants_tier_change", args=[everything.rows["tenants_tier"].pk])
    seen, page = Inline(), reader.get(url).content.decode()
    seen.feed(page)

    assert seen.found == []
    assert "&quot;requests.cpu&quot;" in page


@pytest.mark.parametrize(
    "name",
    [
        "tenants_team",
        "tenants_tier",
        "tenants_tenantnamespace",
        "tenants_request",
        "provisioning_turn",
        "clusters_cluster",
        "identity_user",
        "identity_apitoken",
        "policies_imagepolicy",
        "policies_imageexemption",
        "policies_rollout",
        "policies_standdown",
        "policies_signingkey",
        "policies_artifact",
        "policies_violation",
        "policies_scan",
        "policies_agenttoken",
    ],
)
def test_a_list_asks_the_database_as_often_for_many_as_for_few(
    admin: Client, everything: Everything, name: str, django_assert_max_num_queries: Any
) -> None:
    url = reverse(f"admin:{name}_changelist")
    admin.get(url)  # what is asked once a process
    with django_assert_max_num_queries(9) as few:
        admin.get(url)
    for _ in range(3):  # a query a row would show with the first
        request = filed()
        namespace = NamespaceFactory(team=request.team)
        Turn.objects.create(namespace=namespace, generation=1)
        more_of_images(namespace)

    with django_assert_max_num_queries(9) as many:
        admin.get(url)

    assert len(few) == len(many)


def test_a_namespace_shows_its_turns_with_their_errors_in_full(admin: Client) -> None:
    namespace = NamespaceFactory()
    words = "admission webhook denied the request: " + "because of this, " * 30
    step = {"step": "release argo", "stage": "releases", "state": "failed", "error": words}
    for _ in range(12):
        Turn.objects.create(namespace=namespace, generation=1, steps=[step])

    page = admin.get(reverse("admin:tenants_tenantnamespace_change", args=[namespace.pk]))

    assert words.strip() in page.content.decode()


def test_names_that_would_be_markup_are_text_on_every_page(admin: Client) -> None:
    evil = "<img src=x onerror=alert(1)>"
    team = TeamFactory(slug="evil", name=evil, owner_group=evil)
    request = filed(team)
    type(request).objects.filter(pk=request.pk).update(reason=evil)
    PersonFactory(username="eve", first_name=evil, claimed_groups=[evil])
    namespace = NamespaceFactory(team=team, conditions=[_condition(evil)], failures=3)
    Turn.objects.create(namespace=namespace, generation=1, message=evil, outcome=evil)

    for url in (
        reverse("admin:index"),
        reverse("admin:tenants_team_changelist"),
        reverse("admin:tenants_team_change", args=[team.pk]),
        reverse("admin:tenants_tenantnamespace_changelist"),
        reverse("admin:tenants_tenantnamespace_change", args=[namespace.pk]),
        reverse("admin:tenants_request_changelist"),
        reverse("admin:provisioning_turn_changelist"),
        reverse("admin:identity_user_changelist"),
        reverse("admin:search") + "?s=evil&extended=1",
        reverse("admin:search") + "?extended=1&s=%3Cimg",
    ):
        assert "<img src=x" not in admin.get(url).content.decode(), url


def test_search_finds_rows_of_every_kind_a_few_of_each(admin: Client) -> None:
    team = TeamFactory(slug="atlas")
    for number in range(20):
        NamespaceFactory(team=team, name=f"atlas-{number}")
    PersonFactory(username="atlas-admin")

    hits = admin.get(reverse("admin:search"), {"s": "atlas", "extended": "1"}).context["results"]

    kinds = [hit.kind for hit in hits]
    assert {"team", "namespace", "user"} <= set(kinds)
    assert kinds.count("namespace") == 6
    assert admin.get(hits[0].link).status_code == 200


def test_search_is_a_query_a_list_and_remembers_nothing(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    TeamFactory(slug="atlas")
    with django_assert_max_num_queries(23):
        assert admin.get(reverse("admin:search"), {"s": "zeta"}).context["results"] == []
    TeamFactory(slug="zeta")

    assert len(admin.get(reverse("admin:search"), {"s": "zeta"}).context["results"]) == 1


@pytest.mark.parametrize("typed", ["", "   ", "\0", "%", "'", '"', "\\", "a" * 3000])
def test_anything_may_be_typed_into_the_search(admin: Client, typed: str) -> None:
    assert admin.get(reverse("admin:search"), {"s": typed}).status_code == 200


def _condition(message: str) -> dict[str, str]:
    return {"type": "Ready", "status": "False", "reason": "Broken", "message": message}


def test_no_page_of_the_desk_asks_for_more_than_its_own_sheet_and_script(
    admin: Client, everything: Everything
) -> None:
    for url in everything.urls():
        answer = admin.get(url)
        if answer.get("Content-Type", "").startswith("text/html") and answer.status_code == 200:
            page = answer.content.decode()
            asked = set(re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', page))
            assert asked == {"/static/desk/desk.css", "/static/desk/desk.js"}, url
            assert "x-cloak" not in page, url
            assert "unsafe" not in answer["Content-Security-Policy"], url
