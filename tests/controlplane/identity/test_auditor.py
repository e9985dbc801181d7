"""An auditor sees what the platform's people see, and changes nothing by it."""

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client

from controlplane.identity.models import User
from tenants.models import Request, RequestState
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    filed,
    platform_admin,
)

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"
PAGES = [
    "/", "/teams/", "/namespaces/", "/requests/", "/violations/", "/exemptions/", "/fleet/", "/usage/",
    "/chargeback/", "/admin/", "/admin/identity/user/", "/admin/identity/apitoken/",
    "/admin/axes/accessattempt/", "/admin/tenants/request/", "/admin/policies/agenttoken/",
]  # fmt: skip
LISTS = [
    "teams", "tiers", "clusters", "rooms", "requests", "namespaces", "policies", "exemptions",
    "artifacts", "violations", "roll-outs", "stand-downs", "signing-keys", "fleet",
]  # fmt: skip


@pytest.fixture
def auditor() -> User:
    return PersonFactory(claimed_groups=[settings.AUDITOR_GROUP])


@pytest.fixture
def as_auditor(client: Client, auditor: User) -> Client:
    client.force_login(auditor, backend=BACKEND)
    return client


def count_of(client: Client, name: str) -> int:
    answer = client.get(f"/api/v1/{name}/")
    assert answer.status_code == 200, (name, answer.content)
    return int(answer.json()["count"])


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_platform_is_there(as_auditor: Client, path: str) -> None:
    assert as_auditor.get(path).status_code == 200


def test_the_api_tells_an_auditor_as_much_as_an_admin(as_auditor: Client) -> None:
    filed()
    NamespaceFactory()
    admin = Client()
    admin.force_login(platform_admin(), backend=BACKEND)

    told, all_of_it = ({n: count_of(c, n) for n in LISTS} for c in (as_auditor, admin))

    assert told == all_of_it
    assert told["teams"] == 2
    assert as_auditor.get("/api/v1/me/").json()["is_auditor"] is True


def test_of_all_permissions_an_auditor_has_those_of_reading(auditor: User) -> None:
    every = Permission.objects.select_related("content_type")
    names = [f"{p.content_type.app_label}.{p.codename}" for p in every]

    held = {name for name in names if auditor.has_perm(name)}

    assert held == {name for name in names if name.partition(".")[2].startswith("view_")}
    assert "tenants.view_team" in held


@pytest.mark.parametrize("verb", ["approve", "reject", "comments", "amend", "withdraw"])
def test_an_auditor_decides_nothing_and_says_nothing_about_a_request(
    as_auditor: Client, verb: str
) -> None:
    found = filed()

    said = {"note": "x", "plan_hash": "x", "fields": {}}
    answer = as_auditor.post(
        f"/api/v1/requests/{found.pk}/{verb}/", said, content_type="application/json"
    )

    assert 400 <= answer.status_code < 500
    assert Request.objects.get().state == RequestState.PENDING
    assert (
        not Request.objects.get()
        .events.filter(by__claimed_groups=[settings.AUDITOR_GROUP])
        .exists()
    )


@pytest.mark.parametrize("name", ["teams", "tiers", "clusters", "rooms", "policies", "roll-outs"])
def test_an_auditor_writes_nothing_of_the_platform(as_auditor: Client, name: str) -> None:
    answer = as_auditor.post(f"/api/v1/{name}/", {}, content_type="application/json")

    assert answer.status_code == 403


def test_an_auditor_has_no_inbox_and_asks_for_nothing(as_auditor: Client) -> None:
    team = TeamFactory()

    page = as_auditor.get("/").content.decode()

    assert as_auditor.get("/inbox/").status_code == 404
    assert "/requests/new/" not in page
    wish = {"team": team.slug, "kind": "create", "fields": {}}
    asked = as_auditor.post("/api/v1/requests/", wish, content_type="application/json")
    assert asked.status_code in {400, 403}
    assert not Request.objects.exists()


def test_an_auditor_hurries_no_namespace(as_auditor: Client) -> None:
    namespace = NamespaceFactory()

    assert as_auditor.post(f"/namespaces/{namespace.pk}/try-now/").status_code == 403


def test_who_is_no_auditor_any_more_sees_their_own_teams_alone(
    as_auditor: Client, auditor: User
) -> None:
    TeamFactory()
    assert count_of(as_auditor, "teams") == 1

    auditor.claimed_groups = []
    auditor.save()

    assert count_of(as_auditor, "teams") == 0
    assert as_auditor.get("/fleet/").status_code == 404
