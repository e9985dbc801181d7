"""Who is let in at the desk, and what each of them may do."""

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.identity.models import User
from tests.controlplane.desk.everything import Everything, signed_in
from tests.factories import PersonFactory, approver, platform_admin

pytestmark = pytest.mark.django_db

NOT_WRITTEN_HERE = (
    "tenants_tenantnamespace",
    "tenants_request",
    "provisioning_turn",
    "policies_imageexemption",
    "policies_artifact",
    "policies_violation",
    "policies_scan",
)
KEYS = ("identity_apitoken", "policies_agenttoken")


def test_people_of_a_team_open_no_page_of_the_desk(
    of_the_team: Client, everything: Everything
) -> None:
    for url in everything.urls():
        for answer in (of_the_team.get(url), of_the_team.post(url, {})):
            assert answer.status_code in {302, 403}, url
            if answer.status_code == 302:
                assert answer.url.startswith(reverse("admin:login")), url
                assert of_the_team.get(answer.url).status_code == 403


def test_a_stranger_is_sent_to_the_consoles_door(client: Client, everything: Everything) -> None:
    for url in everything.urls():
        door = client.get(url, follow=True).redirect_chain[-1][0]

        assert door.startswith(reverse("console:sign-in")), url


def test_an_admin_by_group_needs_no_flag(admin: Client, everything: Everything) -> None:
    for name, row in everything.rows.items():
        assert admin.get(reverse(f"admin:{name}_changelist")).status_code == 200
        assert admin.get(reverse(f"admin:{name}_change", args=[row.pk])).status_code == 200
    form = {"slug": "atlas", "name": "Atlas", "owner_group": "atlas-owners"}
    numbers = {"namespace_limit": "5", "cpu_budget": "32", "memory_budget_gib": "128"}
    assert admin.post(reverse("admin:tenants_team_add"), form | numbers).status_code == 302


def test_an_approver_reads_everything_but_keys(reader: Client, everything: Everything) -> None:
    for name, row in everything.rows.items():
        expected = 403 if name in KEYS else 200
        for url in (
            reverse(f"admin:{name}_changelist"),
            reverse(f"admin:{name}_change", args=[row.pk]),
            reverse(f"admin:{name}_export"),
        ):
            assert reader.get(url).status_code == expected, url


def test_an_approver_writes_nothing(reader: Client, everything: Everything) -> None:
    for name, row in everything.rows.items():
        for page, args in (("add", []), ("change", [row.pk]), ("delete", [row.pk])):
            url = reverse(f"admin:{name}_{page}", args=args)
            assert reader.post(url, {"name": "x"}).status_code == 403, url
    own = reverse("admin:auth_user_password_change", args=[everything.rows["identity_user"].pk])
    assert reader.post(own, {"password1": "x", "password2": "x"}).status_code == 403


def test_an_approver_does_nothing_to_a_namespace(reader: Client, everything: Everything) -> None:
    namespace = everything.rows["tenants_tenantnamespace"]
    wish = {"action": "pause", "_selected_action": [namespace.pk], "reason": "because"}

    reader.post(reverse("admin:tenants_tenantnamespace_changelist"), wish)

    namespace.refresh_from_db()
    assert not namespace.paused  # type: ignore[attr-defined]


@pytest.mark.parametrize("loses", ["group", "is_active"])
def test_who_leaves_is_out_with_the_next_page(client: Client, loses: str) -> None:
    person = platform_admin()
    signed_in(client, person)
    assert client.get(reverse("admin:index")).status_code == 200

    person.claimed_groups, person.is_active = ([], True) if loses == "group" else (["x"], False)
    person.save()

    assert client.get(reverse("admin:index")).status_code == 302


def test_who_was_refused_at_the_door_is_for_admins(client: Client) -> None:
    url = reverse("admin:axes_accessattempt_changelist")
    for person, expected in ((platform_admin(), 200), (approver(), 403)):
        signed_in(client, person)
        assert client.get(url).status_code == expected


def test_single_permissions_still_open_single_pages(client: Client) -> None:
    person: User = PersonFactory(is_staff=True)
    signed_in(client, person)

    assert client.get(reverse("admin:index")).status_code == 200
    assert client.get(reverse("admin:tenants_team_changelist")).status_code == 403
    assert b"There is nothing here that you may see" in client.get(reverse("admin:index")).content
    assert client.get(reverse("admin:search"), {"s": "team"}).context["results"] == []


def test_the_console_shows_the_way_to_who_may_go_it(client: Client) -> None:
    signed_in(client, platform_admin())

    assert reverse("admin:index").encode() in client.get("/").content


@pytest.mark.parametrize("name", NOT_WRITTEN_HERE)
def test_not_even_an_admin_writes_what_services_write(
    admin: Client, everything: Everything, name: str
) -> None:
    row = everything.rows[name]

    assert admin.post(reverse(f"admin:{name}_add"), {}).status_code == 403
    assert admin.post(reverse(f"admin:{name}_change", args=[row.pk]), {}).status_code == 403
    assert admin.post(reverse(f"admin:{name}_delete", args=[row.pk]), {}).status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        "tenants_team",
        "tenants_tier",
        "clusters_cluster",
        "identity_user",
        "policies_rollout",
        "policies_standdown",
        "policies_signingkey",
        "policies_delivery",
    ],
)
def test_what_others_depend_on_is_not_deleted(
    admin: Client, everything: Everything, name: str
) -> None:
    row = everything.rows[name]

    assert admin.post(reverse(f"admin:{name}_delete", args=[row.pk]), {}).status_code == 403
