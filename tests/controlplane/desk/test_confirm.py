"""Who would this change touch? Asked before it is kept, answered for exactly this change."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.clusters import base_release
from controlplane.clusters.models import Cluster
from controlplane.kube.errors import Unreachable
from provisioning.trial import Answer
from tenants import services
from tenants.models import Team, TenantNamespace, Tier
from tests.factories import ClusterFactory, NamespaceFactory, TeamFactory, tier

pytestmark = pytest.mark.django_db


def tier_form(**changes: str) -> dict[str, str]:
    small = tier()
    return {
        "name": small.name,
        "description": small.description,
        "quota": '{"requests.cpu":"4","requests.memory":"8Gi","pods":"9",'
        '"count/workflows.argoproj.io":"9","requests.storage":"9Gi",'
        '"limits.ephemeral-storage":"9Gi"}',
        "limits": '{"default":{"cpu":"1"}}',
        "controller_resources": '{"requests":{"cpu":"1"}}',
        "workflow_deadline_seconds": "60",
        "order": "1",
        "_save": "Save",
    } | changes


def where(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def test_the_first_answer_shows_what_would_change_and_keeps_nothing(admin: Client) -> None:
    small, before = tier(), tier().quota

    answer = admin.post(where(small), tier_form())

    changed = {c.field: (c.before, c.after) for c in answer.context["changed"]}
    assert changed["Quota > pods"] == (before["pods"], "9")
    assert changed["Quota > limits.cpu"] == (before["limits.cpu"], "")
    assert "Quota > requests.memory" not in changed  # 8Gi, as it was
    assert tier().quota == before


def test_it_counts_who_is_touched_and_names_the_first_twenty_by_team(admin: Client) -> None:
    atlas, beta = TeamFactory(slug="atlas"), TeamFactory(slug="beta")
    for _ in range(23):
        NamespaceFactory(team=atlas)
    for _ in range(2):
        NamespaceFactory(team=beta)
    NamespaceFactory(team=beta, tier=tier("medium"))
    NamespaceFactory(team=beta, deleted_at="2026-01-01T00:00:00Z")

    touched = admin.post(where(tier()), tier_form()).context["touched"]

    assert (touched.count, len(touched.first), touched.more) == (25, 20, 5)
    assert [(t["team__slug"], t["count"]) for t in touched.teams] == [("atlas", 23), ("beta", 2)]


def test_asking_costs_the_same_however_many_are_touched(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    NamespaceFactory()
    asked, form = where(tier()), tier_form()
    with django_assert_max_num_queries(12) as few:
        admin.post(asked, form)
    for _ in range(30):
        NamespaceFactory()

    with django_assert_max_num_queries(12) as many:
        admin.post(asked, form)

    assert len(few) == len(many)


def test_yes_keeps_it_and_its_namespaces_follow(admin: Client) -> None:
    namespace = NamespaceFactory()
    asked = admin.post(where(tier()), tier_form())

    answer = admin.post(where(tier()), tier_form(_confirmed=asked.context["seal"]), follow=True)

    namespace.refresh_from_db()
    assert (tier().quota["requests.cpu"], namespace.generation) == ("4", 2)
    assert "1 namespaces follow this edit." in answer.content.decode()


def test_yes_to_one_change_is_not_yes_to_another(admin: Client) -> None:
    asked = admin.post(where(tier()), tier_form())

    again = admin.post(where(tier()), tier_form(order="9", _confirmed=asked.context["seal"]))

    assert again.context["stale"]
    assert tier().order != 9


def test_yes_after_somebody_elses_edit_asks_again(admin: Client) -> None:
    asked = admin.post(where(tier()), tier_form())
    theirs = tier()
    theirs.name = "Theirs"
    services.save_tier(theirs)

    again = admin.post(where(tier()), tier_form(name="Small", _confirmed=asked.context["seal"]))

    assert again.context["stale"]
    assert tier().name == "Theirs"


def test_the_page_that_asks_carries_what_was_typed(admin: Client) -> None:
    page = admin.post(where(tier()), tier_form(description='<b>"x"</b>')).content.decode()

    assert 'name="description" hidden>&lt;b&gt;&quot;x&quot;&lt;/b&gt;</textarea>' in page
    assert 'name="_save" hidden>' in page


def test_a_form_without_a_change_touches_nobody(admin: Client) -> None:
    namespace, small = NamespaceFactory(), tier()
    form = admin.get(where(small)).context["adminform"].form
    same = {name: form[name].value() for name in form.fields if form[name].value() is not None}

    answer = admin.post(where(small), same, follow=True)

    namespace.refresh_from_db()
    assert namespace.generation == 1
    assert "Nothing was changed" in answer.content.decode()


def test_a_mistake_is_told_before_anybody_is_asked(admin: Client) -> None:
    answer = admin.post(where(tier()), tier_form(quota='{"pods": "NaN"}'))

    assert "seal" not in answer.context
    assert b"is no quantity" in answer.content


def test_a_new_tier_touches_nobody_and_is_not_asked_about(admin: Client) -> None:
    url = reverse("admin:tenants_tier_add")

    assert admin.post(url, tier_form(slug="huge")).status_code == 302
    assert Tier.objects.filter(slug="huge").exists()


def test_a_clusters_edit_reaches_its_base_and_its_namespaces(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace, elsewhere = NamespaceFactory(), NamespaceFactory()
    cluster = namespace.cluster
    placed: list[object] = []
    monkeypatch.setattr("controlplane.clusters.services.connect", lambda _: None)
    monkeypatch.setattr(base_release, "install", lambda _, placement: placed.append(placement))
    form = {"placement": '{"nodeSelector": {"pool": "teams"}}', "simulated": "on"}

    asked = admin.post(where(cluster), form)
    assert asked.context["touched"].count == 1
    admin.post(where(cluster), form | {"_confirmed": asked.context["seal"]})

    cluster = Cluster.objects.get(pk=cluster.pk)
    assert (cluster.placement, cluster.simulated) == ({"nodeSelector": {"pool": "teams"}}, True)
    assert placed == [{"nodeSelector": {"pool": "teams"}}]
    generations = TenantNamespace.objects.in_bulk([namespace.pk, elsewhere.pk])
    assert generations[namespace.pk].generation == 2
    assert generations[elsewhere.pk].generation == 1
    assert cluster.sealed_kubeconfig == "sealed"


def test_a_cluster_that_is_away_keeps_its_placement_and_says_so(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = ClusterFactory()

    def away(_: object) -> None:
        raise Unreachable("https://10.0.0.1:6443 did not answer")

    monkeypatch.setattr("controlplane.clusters.services.connect", away)
    form = {"placement": '{"nodeSelector": {"pool": "teams"}}'}
    asked = admin.post(where(cluster), form)

    answer = admin.post(where(cluster), form | {"_confirmed": asked.context["seal"]})

    assert b"did not answer" in answer.content
    assert b"pool" in answer.content
    assert Cluster.objects.get(pk=cluster.pk).placement == {}


def test_a_placement_may_say_only_where_pods_go(admin: Client) -> None:
    cluster = ClusterFactory()
    form = {"placement": '{"image": "evil"}'}
    asked = admin.post(where(cluster), form)

    answer = admin.post(where(cluster), form | {"_confirmed": asked.context["seal"]})

    assert b"image is not part of it" in answer.content
    assert Cluster.objects.get(pk=cluster.pk).placement == {}


def test_a_cluster_that_would_refuse_it_says_so_before_it_is_kept(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    NamespaceFactory()
    said = [Answer("local", "payments", taken=False, sentence="Invalid value: 8")]
    monkeypatch.setattr("provisioning.trial.of_tier", lambda *_: said)

    page = admin.post(where(tier()), tier_form()).content.decode()

    assert "Invalid value: 8" in page
    assert "Keep it although it is refused" in page


def test_a_cluster_that_cannot_be_asked_is_named(admin: Client) -> None:
    namespace = NamespaceFactory(cluster__reachable=False, cluster__message="no route")

    page = admin.post(where(tier()), tier_form()).content.decode()

    assert f"{namespace.cluster.name} does not answer: no route" in page
    assert "Keep this change" in page


def test_limits_that_cannot_work_are_refused_in_the_form(admin: Client) -> None:
    limits = '{"default":{"cpu":"8"},"max":{"cpu":"4"}}'

    answer = admin.post(where(tier()), tier_form(limits=limits))

    assert "seal" not in answer.context
    assert b"default.cpu (8) is more than max.cpu (4)" in answer.content


def test_a_tier_in_which_no_workflow_may_run_is_refused_in_the_form(admin: Client) -> None:
    answer = admin.post(where(tier()), tier_form(parallelism="0"))

    assert "seal" not in answer.context
    assert b"leave it empty to have it derived" in answer.content


def team_form(team: Team, **changes: str) -> dict[str, str]:
    return {
        "name": team.name,
        "owner_group": team.owner_group,
        "member_group": team.member_group,
        "viewer_group": team.viewer_group,
        "namespace_limit": "5",
        "cpu_budget": "32",
        "memory_budget_gib": "128",
        "_save": "Save",
    } | changes


def test_a_teams_plain_edit_is_not_asked_about(admin: Client) -> None:
    team = TeamFactory()

    assert admin.post(where(team), team_form(team, name="Renamed")).status_code == 302
    assert Team.objects.get(pk=team.pk).name == "Renamed"


@pytest.mark.parametrize("field", ["owner_group", "member_group", "viewer_group"])
def test_a_teams_new_group_is_asked_about_and_reaches_its_live_namespaces(
    admin: Client, field: str
) -> None:
    namespace = NamespaceFactory()
    team = namespace.team
    NamespaceFactory(team=team, deleted_at="2026-01-01T00:00:00Z")
    NamespaceFactory()  # another team's
    form = team_form(team, **{field: "platform-newcomers"})

    asked = admin.post(where(team), form)

    assert list(asked.context["touched"].first) == [namespace]
    assert "Who would this change touch?" in asked.content.decode()
    assert getattr(Team.objects.get(pk=team.pk), field) != "platform-newcomers"

    admin.post(where(team), form | {"_confirmed": asked.context["seal"]})

    namespace.refresh_from_db()
    assert getattr(Team.objects.get(pk=team.pk), field) == "platform-newcomers"
    assert namespace.generation == 2


def test_a_new_group_of_a_team_without_namespaces_touches_nobody_and_is_kept(admin: Client) -> None:
    team = TeamFactory()

    answer = admin.post(where(team), team_form(team, member_group="platform-newcomers"))

    assert answer.status_code == 302
    assert Team.objects.get(pk=team.pk).member_group == "platform-newcomers"


def test_a_budget_below_what_is_promised_is_kept_only_with_a_yes(admin: Client) -> None:
    team = NamespaceFactory().team
    form = team_form(team, cpu_budget="1")

    asked = admin.post(where(team), form)
    assert "4 cores are promised" in asked.content.decode()
    assert asked.context["touched"] is None  # no namespace names a budget
    assert Team.objects.get(pk=team.pk).cpu_budget == 32

    admin.post(where(team), form | {"_confirmed": asked.context["seal"]})
    assert Team.objects.get(pk=team.pk).cpu_budget == 1


def test_a_new_team_with_another_teams_group_is_kept_only_with_a_yes(admin: Client) -> None:
    other = TeamFactory(slug="beta")
    url = reverse("admin:tenants_team_add")
    form = team_form(other, slug="atlas", member_group="", viewer_group="")

    asked = admin.post(url, form)
    assert "become owners of atlas too" in asked.content.decode()
    assert not Team.objects.filter(slug="atlas").exists()

    assert admin.post(url, form | {"_confirmed": asked.context["seal"]}).status_code == 302
    assert Team.objects.filter(slug="atlas").exists()
