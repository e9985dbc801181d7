"""Home: cards of namespaces, what waits for whom, and what the platform did lately."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from controlplane.index.models import QuotaUse, Watch
from provisioning.models import Turn
from tenants import drafts
from tests.controlplane.console.namespaces.stories import degraded, ready, workflow
from tests.controlplane.console.pages import HTMX, read, signed_in
from tests.factories import (
    ClusterFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    filed,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db


def test_a_card_tells_why_since_when_and_when_it_is_tried_again() -> None:
    namespace = degraded(name="payments-stage")

    page = read(signed_in(owner_of(namespace.team)), "/")

    assert "payments-stage Degraded" in page
    assert "Its image could not be pulled." in page
    assert "Degraded for 5 min next try in 3 min" in page


def test_a_card_shows_what_the_cluster_counted() -> None:
    namespace = ready()
    hard, used = {"requests.cpu": "32", "pods": "9"}, {"requests.cpu": "18200m", "pods": "1"}
    seen = timezone.now() - timedelta(minutes=3, seconds=20)
    QuotaUse.objects.create(namespace=namespace, hard=hard, used=used, seen_at=seen)

    page = read(signed_in(member_of(namespace.team)), "/")

    assert "CPU 18.2 / 32" in page
    assert "quota as the cluster counts it, 3 min ago" in page
    assert "Pods" not in page


def test_a_card_without_a_count_shows_what_its_tier_allows() -> None:
    page = read(signed_in(member_of(ready().team)), "/")

    assert "CPU – / 4" in page
    assert "quota not counted yet" in page


def test_a_card_counts_what_runs_and_what_failed_within_a_day() -> None:
    namespace = ready()
    for phase in ("Running", "Running", "Failed", "Error", "Succeeded"):
        workflow(namespace, phase)
    workflow(namespace, "Failed", finished_at=timezone.now() - timedelta(hours=25))

    assert "2 running · 2 failed in 24 h" in read(signed_in(viewer_of(namespace.team)), "/")


def test_what_a_card_counts_is_what_its_links_show() -> None:
    namespace = ready()
    twin = ready(name=namespace.name, team=namespace.team)  # on another cluster
    for phase in ("Running", "Failed", "Error", "Succeeded"):
        workflow(namespace, phase)
        workflow(twin, phase)
    workflow(namespace, "Failed", finished_at=timezone.now() - timedelta(hours=25))
    client = signed_in(viewer_of(namespace.team))

    for card in client.get("/").context["cards"]:
        for count, query in (
            (card.counts.running, card.counts.running_query),
            (card.counts.failed, card.counts.failed_query),
        ):
            page = client.get(f"/workflows/?{query}")
            assert page.context["total"] == count > 0, query
            assert {row.workflow.namespace_id for row in page.context["rows"]} == {
                card.namespace.pk
            }
            assert f'href="/workflows/?{query}"'.replace("&", "&amp;") in (
                client.get("/").content.decode()
            )


def test_workflows_of_a_team_are_not_counted_for_the_platforms_people() -> None:
    workflow(ready(), "Running")

    assert "1 running" not in read(signed_in(approver()), "/")


def test_the_first_page_looks_again_while_something_moves_and_stops_with_it() -> None:
    namespace = ready(phase="Provisioning")
    client = signed_in(owner_of(namespace.team))
    page = client.get("/")
    again = f"/?part=live&looks=0&shown={page.context['poll'].shown}"
    assert "part=live" in page.content.decode()

    quiet = client.get(again, headers=HTMX).content.decode()
    assert "hx-get" in quiet
    assert "hx-swap-oob" not in quiet

    namespace.phase = "Ready"
    namespace.save()

    moved = client.get(again, headers=HTMX).content.decode()
    assert "hx-swap-oob" in moved
    assert "part=live" not in moved


def test_who_ends_a_namespace_is_said_to_its_owner() -> None:
    namespace = ready()

    assert "Ending it" in read(signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/")
    assert "Ending it" not in read(
        signed_in(member_of(namespace.team)), f"/namespaces/{namespace.pk}/"
    )


def test_whoever_has_nothing_is_told_three_steps() -> None:
    page = read(signed_in(owner_of(TeamFactory())), "/")

    assert "Three steps to a first workflow" in page
    assert page.count("New namespace") == 2


def test_who_owns_the_last_of_many_teams_may_ask_on_every_page() -> None:
    teams = [TeamFactory() for _ in range(15)]
    groups = [team.viewer_group for team in teams[:-1]] + [teams[-1].owner_group]
    client = signed_in(PersonFactory(claimed_groups=groups))

    assert client.get("/").context["may_ask"] is True
    assert "you are not one" not in read(client, "/")
    assert client.get("/requests/").context["may_ask"] is True
    assert client.get("/namespaces/").context["frame"].may_ask is True
    assert [t.slug for t in client.get("/requests/new/").context["form"].teams] == [teams[-1].slug]


def test_a_team_is_chosen_without_what_no_database_takes() -> None:
    team = TeamFactory(slug="payments")
    client = signed_in(owner_of(team))

    client.get("/", {"team": "pay\0ments"})

    assert client.get("/").context["team"] == team


def test_who_may_not_ask_is_told_who_may() -> None:
    page = read(signed_in(viewer_of(TeamFactory())), "/")

    assert "Owners of a team ask for it; you are not one" in page


def test_whoever_is_in_no_team_is_told_which_groups_they_have() -> None:
    page = read(signed_in(PersonFactory(claimed_groups=["strangers"])), "/")

    assert "You are in no team yet" in page
    assert "strangers" in page


def test_home_tells_what_waits_and_for_whom() -> None:
    request = filed(name="payments-ml")

    seen_by_team = read(signed_in(member_of(request.team)), "/")
    seen_by_approver = read(signed_in(approver()), "/")

    assert "waits for an approver, asked" in seen_by_team
    assert "waits for you, asked" in seen_by_approver
    assert "Three steps" not in seen_by_team


def test_home_tells_what_the_platform_did_lately() -> None:
    namespace = ready(name="payments")
    Turn.objects.create(namespace=namespace, generation=1, outcome="AllReady", message="Put back.")

    assert "payments : AllReady Put back." in read(signed_in(owner_of(namespace.team)), "/")


def test_home_has_a_persons_drafts_to_go_on_with_and_nobody_elses() -> None:
    namespace = ready(name="payments")
    owner, other = owner_of(namespace.team), owner_of(namespace.team)
    drafts.keep(by=owner, kind="create", team=namespace.team, fields={"name": "night"}, draft=None)

    assert "New namespace night" in read(signed_in(owner), "/")
    assert "Your drafts" not in read(signed_in(other), "/")


@pytest.mark.parametrize(("who", "offered"), [(owner_of, True), (viewer_of, False)])
def test_a_namespace_is_offered_to_those_who_may_ask_for_one(who: Who, offered: bool) -> None:
    team = TeamFactory()
    client = signed_in(who(team))

    empty = client.get("/namespaces/").content.decode()
    ready(team=team)
    full = client.get("/namespaces/").content.decode()

    assert ('href="/requests/new/"' in empty) is offered
    assert ('href="/requests/new/"' in full) is offered


def test_a_cluster_that_is_away_is_said_once_whatever_is_watched_there() -> None:
    gone = ClusterFactory(name="eu-1", reachable=False, trouble="away", message="10.0.0.1 refused")
    namespace = degraded(cluster=gone)
    degraded(cluster=gone, team=namespace.team)
    for kind in ("Workflow", "ResourceQuota"):
        Watch.objects.create(cluster=gone, kind=kind, message="refused", since=timezone.now())

    seen_by_team = read(signed_in(owner_of(namespace.team)), "/")
    seen_by_admin = read(signed_in(platform_admin()), "/")

    assert seen_by_team.count("eu-1 does not answer") == 1
    assert "may be old" not in seen_by_team
    assert "10.0.0.1" not in seen_by_team.split("does not answer")[1].split("by itself")[0]
    assert "argosy local up eu-1" not in seen_by_team
    assert "argosy local up eu-1" in seen_by_admin


def test_two_watches_behind_for_one_reason_are_one_note() -> None:
    namespace = ready(cluster=ClusterFactory(name="eu-1"))
    for kind in ("Workflow", "ResourceQuota"):
        Watch.objects.create(
            cluster=namespace.cluster, kind=kind, message="No answer.", since=timezone.now()
        )

    page = read(signed_in(owner_of(namespace.team)), "/")

    assert page.count("may be old") == page.count("No answer.") == 1


def test_home_says_when_nobody_works_and_to_whom_what_to_do() -> None:
    long_ago = timezone.now() - timedelta(minutes=8)
    namespace = ready(cluster=ClusterFactory(checked_at=long_ago))

    seen_by_team = read(signed_in(owner_of(namespace.team)), "/")

    assert "The platform has not worked since" in seen_by_team
    assert "argosy worker" not in seen_by_team
    assert "argosy worker" in read(signed_in(platform_admin()), "/")


def test_a_watch_that_is_behind_is_said() -> None:
    namespace = ready(cluster__name="eu-1")
    Watch.objects.create(
        cluster=namespace.cluster, kind="Workflow", since=timezone.now(), message="Gone away."
    )

    page = read(signed_in(owner_of(namespace.team)), "/")

    assert "What is told of Workflow on eu-1 may be old" in page


def test_home_shows_24_cards_and_where_the_others_are() -> None:
    team = TeamFactory()
    for n in range(26):
        ready(team=team, name=f"n-{n:02}")
    degraded(team=team, name="zebra")

    page = read(signed_in(owner_of(team)), "/")

    assert "3 more namespaces, all 27 as a list" in page
    assert page.index("zebra") < page.index("n-00")


def test_home_costs_the_same_with_one_namespace_and_with_24(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    team = TeamFactory()
    for _ in range(24):
        namespace = ready(team=team)
        workflow(namespace, "Running")
        Turn.objects.create(namespace=namespace, generation=1)
    QuotaUse.objects.create(namespace=namespace, seen_at=timezone.now())
    client = signed_in(PersonFactory(claimed_groups=[team.owner_group, "argosy-approvers"]))
    client.get(f"/?team={team.slug}")

    with django_assert_num_queries(17):
        client.get("/")


def test_the_switcher_narrows_home_to_one_team() -> None:
    mine, other = ready(), ready()
    client = signed_in(approver())
    client.get("/", {"team": mine.team.slug})

    page = read(client, "/")

    assert mine.name in page
    assert other.name not in page


def test_a_team_that_is_not_mine_cannot_be_chosen() -> None:
    mine, theirs = ready(), ready()
    client = signed_in(owner_of(mine.team))
    client.get("/", {"team": theirs.team.slug})

    assert "All my teams" in read(client, "/")
