"""Before and after of every configuration object, whoever changed it and by whichever door."""

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from controlplane.clusters.models import Cluster
from controlplane.identity import accounts, tokens
from controlplane.identity.models import User
from controlplane.rows.history import because
from tenants import services
from tenants.models import Team, Tier
from tests.factories import ClusterFactory, PersonFactory, TeamFactory, platform_admin, tier

pytestmark = pytest.mark.django_db


def shown(client: Client, name: str, pk: int) -> list[tuple[str, dict[str, tuple[str, str]]]]:
    """The history page as (who, field → (before, after)), newest first."""
    page = client.get(reverse(f"admin:{name}_history", args=[pk])).context["page"]
    return [
        (change.who, {d.field: (d.before, d.after) for d in change.differences})
        for change in page.object_list
    ]


def test_an_edit_at_the_desk_is_shown_with_who_before_and_after(client: Client) -> None:
    person, team = platform_admin(), TeamFactory(name="Before")
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    form = {"name": "After", "owner_group": team.owner_group, "namespace_limit": "5"}
    numbers = {"cpu_budget": "48", "memory_budget_gib": "128"}

    client.post(reverse("admin:tenants_team_change", args=[team.pk]), form | numbers)

    newest, first = shown(client, "tenants_team", team.pk)
    assert newest[0] == person.username
    assert newest[1]["name"] == ("Before", "After")
    assert newest[1]["cpu budget"] == ("32", "48")
    assert (first[0], first[1]["slug"]) == ("the platform", ("", team.slug))


def test_an_edit_over_the_api_with_a_token_is_told_from_its_person(
    client: Client, admin: Client
) -> None:
    person = platform_admin()
    _, plain = tokens.issue(user=person, name="laptop")
    small = tier()
    url = f"/api/v1/tiers/{small.pk}/"

    answer = Client().patch(
        url,
        {"quota": {**small.quota, "pods": "77"}},
        content_type="application/json",
        headers={"authorization": f"Bearer {plain}"},
    )

    assert answer.status_code == 200, answer.content
    newest, begun = shown(admin, "tenants_tier", small.pk)
    assert newest == (person.username, {"quota > pods": (small.quota["pods"], "77")})
    assert begun[1]["slug"] == ("", "small")


def test_a_bulk_change_has_a_line_for_each_row(admin: Client) -> None:
    teams = [TeamFactory(), TeamFactory()]

    assert Team.objects.filter(pk__in=[t.pk for t in teams]).update(namespace_limit=9) == 2

    for team in teams:
        assert shown(admin, "tenants_team", team.pk)[0][1] == {"namespace limit": ("5", "9")}


def test_rows_made_and_changed_together_are_in_the_history(admin: Client) -> None:
    made = Team.objects.bulk_create([Team(slug=f"t{i}", name="x", owner_group="g") for i in (1, 2)])
    for team in made:
        team.name = "y"

    Team.objects.bulk_update(made, ["name"])

    for team in made:
        assert shown(admin, "tenants_team", team.pk)[0][1] == {"name": ("x", "y")}
        assert team.history.count() == 2


def test_a_persons_groups_are_kept_and_signing_in_is_no_change(admin: Client) -> None:
    person = PersonFactory(claimed_groups=["a"])

    Client().force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    person.claimed_groups = ["a", "argosy-admins"]
    accounts.save_person(person)

    newest, _ = shown(admin, "identity_user", person.pk)
    assert newest[1] == {"claimed groups": ("a", "a, argosy-admins")}


def test_a_new_password_leaves_no_trace_but_that_nothing_else_changed(admin: Client) -> None:
    person = PersonFactory(password="correct horse battery")
    before = person.history.count()

    accounts.reset_password(person, "another horse battery")

    assert person.history.count() == before


def test_no_history_has_a_place_for_a_credential_or_a_password() -> None:
    historical = [m for m in apps.get_models() if m.__name__.startswith("Historical")]

    assert {m.__name__ for m in historical} == {
        "HistoricalTeam",
        "HistoricalTier",
        "HistoricalCluster",
        "HistoricalRoom",
        "HistoricalUser",
        "HistoricalImageExemption",
        "HistoricalImagePolicy",
        "HistoricalPrice",
        "HistoricalRollOut",
        "HistoricalSigningKey",
        "HistoricalStandDown",
    }
    for model in historical:
        names = {field.name for field in model._meta.get_fields()}
        assert not names & {"sealed_kubeconfig", "password", "kubeconfig", "digest"}


def test_a_clusters_credential_is_in_no_row_and_no_page(admin: Client) -> None:
    cluster = ClusterFactory(sealed_kubeconfig="gAAAA-the-sealed-one")
    cluster.placement = {"nodeSelector": {"pool": "teams"}}
    because(cluster, "Registered: its credential was replaced.")
    cluster.save()

    with connection.cursor() as cursor:
        cursor.execute("select * from clusters_historicalcluster")
        assert "gAAAA" not in str(cursor.fetchall())
    name = "admin:clusters_cluster"
    for url in (
        reverse(f"{name}_history", args=[cluster.pk]),
        reverse(f"{name}_change", args=[cluster.pk]),
        reverse(f"{name}_changelist"),
        reverse("admin:index"),
    ):
        page = admin.get(url).content.decode()
        assert "gAAAA" not in page
    export = b"".join(admin.get(reverse(f"{name}_export")).streaming_content)
    assert b"gAAAA" not in export
    newest = shown(admin, "clusters_cluster", cluster.pk)[0]
    assert newest[1] == {"placement > nodeSelector > pool": ("", "teams")}
    history = admin.get(reverse(f"{name}_history", args=[cluster.pk])).content.decode()
    assert "its credential was replaced" in history


def test_what_is_seen_of_a_cluster_is_no_change_of_it() -> None:
    cluster = ClusterFactory()
    before = cluster.history.count()

    Cluster.objects.filter(pk=cluster.pk).update(reachable=False, message="away")

    assert cluster.history.count() == before


def test_the_tiers_that_came_as_data_have_a_beginning(admin: Client) -> None:
    medium = tier("medium")
    medium.description = "another"

    services.save_tier(medium)

    changes = shown(admin, "tenants_tier", medium.pk)
    assert set(changes[0][1]) == {"description"}
    assert len(changes) == 2


def test_a_long_history_is_paged_and_asks_the_database_a_fixed_number_of_times(
    admin: Client, django_assert_max_num_queries: object
) -> None:
    small = Tier.objects.get(slug="small")
    for order in range(60):
        small.order = order
        small.save()
    url = reverse("admin:tenants_tier_history", args=[small.pk])

    with django_assert_max_num_queries(8):  # type: ignore[operator]
        first = admin.get(url).context["page"]

    assert (len(first.object_list), first.paginator.count) == (25, 61)
    second = admin.get(url, {"page": "2"}).context["page"].object_list
    assert [(d.before, d.after) for d in first.object_list[-1].differences] == [("34", "35")]
    assert [(d.before, d.after) for d in second[0].differences] == [("33", "34")]


def test_hostile_names_are_only_text_in_a_history(admin: Client) -> None:
    team = TeamFactory(name="<script>alert(1)</script>")

    page = admin.get(reverse("admin:tenants_team_history", args=[team.pk])).content.decode()

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_history_of_nobody_is_not_there(admin: Client) -> None:
    assert admin.get(reverse("admin:tenants_team_history", args=[10**9])).status_code == 404
    assert User.objects.count() == 1
