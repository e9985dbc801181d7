"""Images at the desk: trying, back-testing, approving, and the one page that shows a token."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from controlplane.policies import backtest
from controlplane.policies.models import AgentToken, ImageExemption, ImagePolicy
from tests.controlplane.desk.everything import signed_in
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
)
from tests.fakes import FakeCluster
from tests.images import FOREIGN, HARBOR, IMAGE, asked, policy, signer

pytestmark = pytest.mark.django_db

LIST = "admin:policies_imageexemption_changelist"


def act(client: Client, action: str, *rows: Any, note: str = "", model: str = "") -> str:
    url = reverse(f"admin:policies_{model}_changelist" if model else LIST)
    wish = {"action": action, "_selected_action": [row.pk for row in rows], "note": note}
    return client.post(url, wish, follow=True).content.decode()


def test_each_exemption_has_its_own_answer(client: Client) -> None:
    team = TeamFactory()
    both = PersonFactory(claimed_groups=[team.owner_group, "argosy-admins"])
    own = asked(team, by=both, now=timezone.now())
    other = asked(TeamFactory(), now=timezone.now())

    page = act(signed_in(client, both), "approve", own, other)

    assert "Nobody decides on an exemption they asked for" in page
    states = dict(ImageExemption.objects.values_list("pk", "state"))
    assert states == {own.pk: "pending", other.pk: "approved"}


def test_an_approver_decides_and_a_rejection_needs_a_reason(reader: Client) -> None:
    exemption = asked(TeamFactory(), now=timezone.now())

    assert "Say why" in act(reader, "reject", exemption)
    act(reader, "reject", exemption, note="use ours")

    exemption.refresh_from_db()
    assert (exemption.state, exemption.note) == ("rejected", "use ours")


def test_an_approver_revokes_no_key(reader: Client) -> None:
    key = signer().known("ci")

    act(reader, "revoke", key, note="gone", model="signingkey")

    key.refresh_from_db()
    assert key.revoked_at is None


def test_an_admin_revokes_a_key(admin: Client) -> None:
    key = signer().known("ci")

    act(admin, "revoke", key, note="gone", model="signingkey")

    key.refresh_from_db()
    assert key.revoked_because == "gone"


def test_an_image_is_tried_at_the_desk(reader: Client) -> None:
    team = NamespaceFactory().team
    policy(allow=[HARBOR])
    url = reverse("admin:policies_try")

    good = reader.get(url, {"team": team.slug, "image": IMAGE}).content.decode()
    bad = reader.get(url, {"team": team.slug, "image": FOREIGN}).content.decode()
    hostile = reader.get(url, {"team": team.slug, "image": "<script>alert(1)</script>"})

    assert ">admitted<" in good
    assert ">refused<" in bad
    assert b"<script>alert(1)" not in hostile.content


def test_a_back_test_asks_clusters_only_when_told_to(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube = FakeCluster()
    here = NamespaceFactory(name="payments")
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": here.name}})
    spec = {"containers": [{"name": "main", "image": FOREIGN}]}
    meta = {"name": "bad", "namespace": here.name}
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    monkeypatch.setattr(backtest, "_kube", lambda _: kube)
    draft = policy(allow=[HARBOR], enabled=False)
    url = reverse("admin:policies_back_test", args=[draft.pk])
    kube.calls.clear()

    asked_first = admin.get(url)
    assert (asked_first.status_code, kube.calls) == (200, [])
    page = admin.post(url).content.decode()

    assert FOREIGN in page
    assert "1 object" in page


def test_a_policy_that_cannot_be_says_so_beside_its_settings(admin: Client) -> None:
    form = {"name": "bad", "scope": "platform", "enabled": "on"}
    settings = '{"deny": [{"registry": "quay.io"}]}'

    answer = admin.post(reverse("admin:policies_imagepolicy_add"), form | {"settings": settings})

    assert answer.status_code == 200
    assert "argoexec" in str(answer.context["adminform"].form.errors["settings"])
    assert not ImagePolicy.objects.filter(name="bad").exists()


def test_an_edit_shows_what_it_was_before(admin: Client) -> None:
    row = policy(allow=[HARBOR])
    url = reverse("admin:policies_imagepolicy_change", args=[row.pk])
    form = {"name": row.name, "scope": "platform", "enabled": "on"}

    admin.post(url, form | {"settings": '{"default": "allow"}'})

    page = admin.get(reverse("admin:policies_imagepolicy_history", args=[row.pk]))
    newest = page.context["page"].object_list[0]
    assert "settings > default" in [each.field for each in newest.differences]


def test_a_token_is_shown_once_and_not_kept(admin: Client) -> None:
    cluster = ClusterFactory()

    answer = admin.post(reverse("admin:policies_agenttoken_add"), {"cluster": str(cluster.pk)})

    assert "no-store" in answer.headers["Cache-Control"]
    plain = answer.context["token"]
    assert plain.encode() in answer.content
    token = AgentToken.objects.get(cluster=cluster)
    page = admin.get(reverse("admin:policies_agenttoken_change", args=[token.pk]))
    assert plain.encode() not in page.content
