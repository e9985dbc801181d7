"""The desk writes through services: each save, update and delete is caught in the act and traced back."""

import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.db.models import Model, QuerySet
from django.db.models.signals import pre_delete, pre_save
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from controlplane.identity.models import ApiToken, User
from tenants.models import Team, Tier
from tests.controlplane.desk.everything import Everything
from tests.factories import ClusterFactory, TeamFactory, platform_admin
from tests.images import signer

pytestmark = pytest.mark.django_db

SERVICES = (
    "/tenants/services.py",
    "/tenants/requests.py",
    "/controlplane/clusters/services.py",
    "/controlplane/metrics/prices.py",
    "/controlplane/placement/services.py",
    "/controlplane/identity/accounts.py",
    "/controlplane/identity/tokens.py",
    "/controlplane/policies/services.py",
    "/controlplane/policies/exemptions.py",
    "/controlplane/policies/keys.py",
    "/controlplane/policies/agents.py",
    "/controlplane/policies/delivering.py",
)
GROUPS = '["payments-owners"]'
WEBHOOK = json.dumps({
    "service": {"name": "argosy-agent", "namespace": "argosy-agent", "path": "/review"},
    "caBundle": b64encode(b"-----BEGIN CERTIFICATE-----").decode(),
})  # fmt: skip


def through_a_service() -> bool:
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.endswith(SERVICES):
            return True
        frame = frame.f_back
    return False


class Watched:
    """The writes of models that the desk shows: how many, and which went around the services."""

    def __init__(self) -> None:
        self.models = set(site._registry)
        self.writes: list[str] = []
        self.around: list[str] = []

    def note(self, model: type[Model], what: str) -> None:
        if model in self.models:
            self.writes.append(f"{what} {model.__name__}")
            if not through_a_service():
                self.around.append(f"{what} {model.__name__}")


@pytest.fixture
def watched(everything: Everything, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    watch = Watched()

    def saved(sender: type[Model], **_: object) -> None:
        watch.note(sender, "save")

    def deleted(sender: type[Model], **_: object) -> None:
        watch.note(sender, "delete")

    for name in ("update", "delete", "bulk_create", "bulk_update", "_raw_delete"):
        real = getattr(QuerySet, name)

        def write(self: Any, *args: Any, _real: Any = real, _name: str = name, **more: Any) -> Any:
            watch.note(self.model, _name)
            return _real(self, *args, **more)

        monkeypatch.setattr(QuerySet, name, write)
    pre_save.connect(saved, weak=False)
    pre_delete.connect(deleted, weak=False)
    yield watch
    pre_save.disconnect(saved)
    pre_delete.disconnect(deleted)


def typed(client: Client, url: str) -> dict[str, Any]:
    """What a person would send who opened the form and pressed save."""
    form = client.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {
        name: value for name, value in values.items() if value is not None and value is not False
    }


def test_the_watch_notices_a_write_around_the_services(
    watched: Watched, everything: Everything
) -> None:
    everything.rows["tenants_team"].save()
    Tier.objects.update(order=3)

    assert watched.around[:2] == ["save Team", "update Tier"]


@pytest.fixture
def made(everything: Everything) -> dict[str, int]:
    """What the forms below name, there before anything is watched."""
    return {
        "team": TeamFactory().pk,
        "cluster": ClusterFactory().pk,
        "other": ClusterFactory().pk,
    }


def test_every_editable_model_is_saved_through_its_service(
    admin: Client, made: dict[str, int], watched: Watched, everything: Everything
) -> None:
    rows = everything.rows
    admin_person = rows["identity_user"]
    later = timezone.now() + timedelta(hours=1)
    edits = {
        "tenants_team": {"name": "Another name"},
        "tenants_tier": {"description": "edited"},
        "clusters_cluster": {"simulated": "on"},
        "identity_user": {"claimed_groups": GROUPS},
        "policies_imagepolicy": {"description": "edited"},
        "policies_rollout": {"mode": "enforce", "reason": "ready"},
        "policies_signingkey": {"name": "ci-of-old"},
        "policies_delivery": {"webhook": WEBHOOK},
        "metrics_price": {"note": "edited"},
        "placement_room": {"cpu": "32"},
    }
    for name, changes in edits.items():
        url = reverse(f"admin:{name}_change", args=[rows[name].pk])
        form = typed(admin, url) | changes
        answer = admin.post(url, form)
        if answer.status_code == 200 and "seal" in answer.context:
            answer = admin.post(url, form | {"_confirmed": answer.context["seal"]})
        assert answer.status_code == 302, answer.context["errors"]
    tier_form = typed(admin, reverse("admin:tenants_tier_change", args=[rows["tenants_tier"].pk]))
    team = {"slug": "atlas", "name": "Atlas", "owner_group": "a", "namespace_limit": "5"}
    adds = {
        "tenants_team": team | {"cpu_budget": "32", "memory_budget_gib": "128"},
        "tenants_tier": tier_form | {"slug": "huge"},
        "identity_user": {
            "username": "ada",
            "usable_password": "true",
            "password1": "correct horse battery",
            "password2": "correct horse battery",
        },
        "policies_imagepolicy": {
            "name": "harbor",
            "scope": "platform",
            "settings": '{"allow": [{"registry": "harbor.corp.example"}]}',
            "enabled": "on",
        },
        "policies_rollout": {"team": str(made["team"]), "mode": "audit", "reason": "x"},
        "policies_standdown": {
            "cluster": str(made["cluster"]),
            "until_0": f"{later:%Y-%m-%d}",
            "until_1": f"{later:%H:%M:%S}",
            "reason": "it fails",
        },
        "policies_signingkey": {"name": "release", "pem": signer().pem},
        "metrics_price": {
            **typed(admin, reverse("admin:metrics_price_change", args=[rows["metrics_price"].pk])),
            "since": "2099-01-01",
        },
        "placement_room": {"cluster": str(made["other"]), "cpu": "8", "memory_gib": "32"},
    }
    issued = admin.post(reverse("admin:policies_agenttoken_add"), {"cluster": str(made["other"])})
    assert b"argosy_agent_" in issued.content
    for name, form in adds.items():
        assert admin.post(reverse(f"admin:{name}_add"), form).status_code == 302, name
    fresh = {"password1": "another horse battery", "password2": "another horse battery"}
    where = reverse("admin:auth_user_password_change", args=[admin_person.pk])
    assert admin.post(where, fresh | {"usable_password": "true"}).status_code == 302
    assert ApiToken.objects.count() == 0  # they ended with the old password

    assert watched.around == []
    assert {"save Team", "save Tier", "save Cluster", "save User", "save Room"} <= set(
        watched.writes
    )
    policies = {"save ImagePolicy", "save RollOut", "save StandDown", "save SigningKey"}
    assert {*policies, "save AgentToken", "update Delivery"} <= set(watched.writes)
    assert Team.objects.filter(slug="atlas").exists()
    assert User.objects.get(username="ada").check_password("correct horse battery")


def test_ending_tokens_goes_through_their_service(
    admin: Client, watched: Watched, everything: Everything
) -> None:
    token = everything.rows["identity_apitoken"]
    both = {"action": "delete_selected", "_selected_action": [token.pk], "post": "yes"}

    admin.post(reverse("admin:identity_apitoken_changelist"), both)

    assert (ApiToken.objects.count(), watched.around) == (0, [])
    assert watched.writes


def test_actions_go_through_services(
    admin: Client, watched: Watched, everything: Everything
) -> None:
    namespace = everything.rows["tenants_tenantnamespace"]
    for action in ("pause", "resume", "try_now", "look_thoroughly"):
        wish = {"action": action, "_selected_action": [namespace.pk], "reason": "moving"}
        admin.post(reverse("admin:tenants_tenantnamespace_changelist"), wish)

    assert watched.around == []
    assert len(watched.writes) >= 4


def test_no_model_of_the_desk_is_editable_without_being_tried_above() -> None:
    asking = RequestFactory().get("/")
    asking.user = platform_admin()
    writable = {
        model.__name__
        for model, its in site._registry.items()
        if its.has_add_permission(asking)
        or its.has_change_permission(asking)
        or its.has_delete_permission(asking)
    }

    assert writable == {
        *("Team", "Tier", "Cluster", "User", "ApiToken"),
        *("ImagePolicy", "RollOut", "StandDown", "SigningKey", "AgentToken"),
        *("Delivery", "Price", "Room"),
    }
