"""Try now, pause, resume: services, with a result for each row and a reason that is kept."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tenants.models import NamespaceAct, TenantNamespace
from tests.factories import NamespaceFactory, TeamFactory

pytestmark = pytest.mark.django_db

LIST = "admin:tenants_tenantnamespace_changelist"


def act(client: Client, action: str, *rows: TenantNamespace, query: str = "", **more: str) -> Any:
    wish = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(reverse(LIST) + query, wish)


def results(answer: Any) -> dict[str, str]:
    return {each.namespace.name: each.sentence for each in answer.context["outcomes"]}


def test_each_row_has_its_result(admin: Client) -> None:
    ready, paused = NamespaceFactory(name="ready"), NamespaceFactory(name="paused", paused=True)
    gone = NamespaceFactory(name="gone", deleted_at="2026-01-01T00:00:00Z")

    answer = act(admin, "try_now", ready, paused, gone, query="?standing=all")

    assert results(answer) == {
        "ready": "Due now.",
        "paused": "It is paused; resume it first.",
        "gone": "It is gone: nothing is left to do.",
    }
    assert (answer.context["done"], answer.context["refused"]) == (1, 2)


def test_a_pause_keeps_who_and_why_and_shows_it(admin: Client) -> None:
    namespace = NamespaceFactory()

    act(admin, "pause", namespace, reason="The registry moves tonight")

    namespace.refresh_from_db()
    kept = NamespaceAct.objects.get()
    assert (namespace.paused, kept.kind, kept.reason) == (
        True,
        "paused",
        "The registry moves tonight",
    )
    assert kept.by is not None
    page = admin.get(reverse("admin:tenants_tenantnamespace_change", args=[namespace.pk]))
    assert b"The registry moves tonight" in page.content


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_pause_without_a_reason_is_refused(admin: Client, reason: str) -> None:
    namespace = NamespaceFactory()

    answer = act(admin, "pause", namespace, reason=reason)

    namespace.refresh_from_db()
    assert not namespace.paused
    assert "Say why" in admin.get(answer.url).content.decode()


def test_pausing_twice_keeps_the_first_reason(admin: Client) -> None:
    namespace = NamespaceFactory()
    act(admin, "pause", namespace, reason="first")

    answer = act(admin, "pause", namespace, reason="second")

    assert results(answer)[namespace.name] == "It was paused already; the earlier reason stays."
    assert [each.reason for each in NamespaceAct.objects.all()] == ["first"]


def test_resuming_makes_it_due_and_is_kept_too(admin: Client) -> None:
    namespace = NamespaceFactory(paused=True)
    was_due = namespace.next_reconcile_at

    answer = act(admin, "resume", namespace, reason="done moving")

    namespace.refresh_from_db()
    assert not namespace.paused
    assert namespace.next_reconcile_at > was_due
    assert results(answer)[namespace.name] == "Looked after again, and due now."
    assert NamespaceAct.objects.get().kind == "resumed"
    assert results(act(admin, "resume", namespace))[namespace.name] == "It was not paused."


def test_an_act_over_the_whole_filtered_set_reaches_every_page_and_nothing_else(
    admin: Client,
) -> None:
    team = TeamFactory()
    inside = [NamespaceFactory(team=team) for _ in range(30)]
    outside = NamespaceFactory()

    answer = act(
        admin,
        "pause",
        inside[0],
        query=f"?team__id__exact={team.pk}",
        select_across="1",
        index="0",
        reason="all of the team",
    )

    assert answer.context["done"] == 30
    assert TenantNamespace.objects.filter(paused=True).count() == 30
    outside.refresh_from_db()
    assert not outside.paused


def test_acting_on_many_costs_no_more_queries_than_on_few(
    admin: Client, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.services.ANNOUNCED", 0)
    rows = [NamespaceFactory() for _ in range(40)]

    with django_assert_max_num_queries(25) as few:
        act(admin, "pause", rows[0], reason="one")
    with django_assert_max_num_queries(25) as many:
        act(admin, "pause", *rows[1:], reason="many")

    assert len(few) == len(many)


def test_hostile_names_and_reasons_are_only_text(admin: Client) -> None:
    namespace = NamespaceFactory(team=TeamFactory(slug="x", name="<i>x</i>"))

    page = act(admin, "pause", namespace, reason="<script>alert(1)</script>").content.decode()

    assert "<script>alert(1)" not in page
