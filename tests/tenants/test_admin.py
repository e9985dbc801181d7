"""The admin shows everything and writes through services alone."""

import pytest
from django.test import Client
from django.urls import reverse

from provisioning.models import Turn
from tenants import services
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    filed,
    tier,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(PersonFactory(is_staff=True, is_superuser=True))
    return client


def act(client: Client, action: str, namespace: object) -> int:
    pk = getattr(namespace, "pk", None)
    wish = {"action": action, "_selected_action": [pk], "reason": "looking into it"}
    return client.post(reverse("admin:tenants_tenantnamespace_changelist"), wish).status_code


PAGES = (
    "tenants_team",
    "tenants_tier",
    "tenants_tenantnamespace",
    "tenants_request",
    "provisioning_turn",
    "clusters_cluster",
    "identity_user",
    "identity_apitoken",
)


@pytest.mark.parametrize("page", PAGES)
def test_every_list_and_row_can_be_looked_at(operator: Client, page: str) -> None:
    request = filed()
    namespace = NamespaceFactory(team=request.team)
    Turn.objects.create(namespace=namespace, generation=1)
    rows = {
        "tenants_team": request.team,
        "tenants_tier": tier(),
        "tenants_tenantnamespace": namespace,
        "tenants_request": request,
        "provisioning_turn": Turn.objects.get(),
        "clusters_cluster": namespace.cluster,
    }

    assert operator.get(reverse(f"admin:{page}_changelist")).status_code == 200
    if page in rows:
        where = reverse(f"admin:{page}_change", args=[rows[page].pk])
        assert operator.get(where).status_code == 200


@pytest.mark.parametrize(
    "page", ["tenants_tenantnamespace", "tenants_request", "provisioning_turn"]
)
def test_what_services_write_is_neither_added_nor_changed_nor_deleted(
    operator: Client, page: str
) -> None:
    namespace, request = NamespaceFactory(), filed()
    turn = Turn.objects.create(namespace=namespace, generation=1)
    pk = {"tenants_request": request.pk, "provisioning_turn": turn.pk}.get(page, namespace.pk)

    assert operator.get(reverse(f"admin:{page}_add")).status_code == 403
    assert operator.post(reverse(f"admin:{page}_change", args=[pk]), {}).status_code == 403
    assert operator.post(reverse(f"admin:{page}_delete", args=[pk]), {}).status_code == 403


def test_an_operator_pauses_resumes_and_hurries(operator: Client) -> None:
    namespace = NamespaceFactory(thorough_at="2026-01-01T00:00:00Z")

    act(operator, "pause", namespace)
    namespace.refresh_from_db()
    assert namespace.paused
    act(operator, "resume", namespace)
    act(operator, "try_now", namespace)
    namespace.refresh_from_db()
    assert (namespace.paused, namespace.thorough_at is None) == (False, False)
    act(operator, "look_thoroughly", namespace)
    namespace.refresh_from_db()
    assert namespace.thorough_at is None


def test_who_may_only_look_does_nothing(client: Client) -> None:
    namespace, viewer = NamespaceFactory(), PersonFactory(is_staff=True)
    viewer.user_permissions.add(*_may_view())
    client.force_login(viewer)

    act(client, "pause", namespace)

    namespace.refresh_from_db()
    assert not namespace.paused


def test_a_tier_is_saved_through_its_service(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace, small = NamespaceFactory(), tier()
    form = {
        "name": "Small",
        "description": "edited",
        "quota": '{"requests.cpu":"4","requests.memory":"8Gi","pods":"9",'
        '"count/workflows.argoproj.io":"9","requests.storage":"9Gi",'
        '"limits.ephemeral-storage":"9Gi"}',
        "limits": '{"default":{"cpu":"1"}}',
        "controller_resources": '{"requests":{"cpu":"1"}}',
        "workflow_deadline_seconds": "60",
        "order": "1",
    }

    where = reverse("admin:tenants_tier_change", args=[small.pk])
    asked = operator.post(where, form)
    assert tier().description != "edited"

    answer = operator.post(where, {**form, "_confirmed": asked.context["seal"]})

    assert answer.status_code == 302
    namespace.refresh_from_db()
    assert (namespace.generation, tier().description) == (2, "edited")


def test_a_team_is_saved_through_its_service(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[object] = []
    monkeypatch.setattr(services, "save_team", saved.append)
    form = {
        "slug": "atlas",
        "name": "Atlas",
        "owner_group": "atlas-owners",
        "namespace_limit": "5",
        "cpu_budget": "32",
        "memory_budget_gib": "128",
    }

    operator.post(reverse("admin:tenants_team_add"), form)

    assert [str(team) for team in saved] == ["atlas"]


def test_teams_and_tiers_stay(operator: Client) -> None:
    team = TeamFactory()

    for page, pk in (("tenants_team", team.pk), ("tenants_tier", tier().pk)):
        assert operator.post(reverse(f"admin:{page}_delete", args=[pk])).status_code == 403


def _may_view() -> list[object]:
    from django.contrib.auth.models import Permission

    return list(Permission.objects.filter(codename="view_tenantnamespace"))
