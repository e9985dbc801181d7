"""Home, the list, one namespace, its progress: what a person finds there, and what a stranger does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from controlplane.console import network, revisions
from controlplane.console.progress import title_of
from controlplane.console.revisions import Line, diff_of
from controlplane.index.models import QuotaUse, Watch, Workflow
from controlplane.kube.door import Connection
from controlplane.kube.errors import HelmFailed
from controlplane.kube.storage import Revision
from controlplane.objects import Manifest
from controlplane.releases import DEPLOYED, Release
from provisioning.models import Turn
from tenants import drafts, requests
from tenants.models import Request, RequestEvent, TenantNamespace
from tests.controlplane.console.pages import HTMX, read, signed_in, words
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    filed,
    member_of,
    owner_of,
    platform_admin,
    tier,
    viewer_of,
)
from tests.fakes import FakeCluster, FakeHelm
from tests.provisioning.manifests import release as release_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
PAGES = ("", "progress/", "release/", "turns/")
PULL = 'ImagePullBackOff: Back-off pulling image "quay.io/argoproj/workflow-controller"'


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon for as long as a test takes, however busy the machine: `5 min ago` stays true."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def condition(
    kind: str, status: str, reason: str, message: str = "", **more: Any
) -> dict[str, Any]:
    since = (NOW - timedelta(minutes=5)).isoformat()
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observed_generation": 1,
        "last_transition": since,
        **more,
    }


READY = [
    condition("NamespaceReady", "True", "Present", "payments and payments-argo are there"),
    condition("GuardRailsReady", "True", "Applied", "31 guard rails are as approved"),
    condition("ArgoReady", "True", "Available", "The controller is running"),
    condition("Ready", "True", "AllReady", "Guard rails hold"),
]
DEGRADED = [
    *READY[:2],
    condition("ArgoReady", "False", "ControllerNotAvailable", PULL),
    condition("Ready", "False", "ControllerNotAvailable", PULL),
]


def degraded(**fields: Any) -> TenantNamespace:
    later = timezone.now() + timedelta(minutes=3, seconds=30)
    story = {
        "phase": "Degraded",
        "conditions": DEGRADED,
        "observed_generation": 1,
        "failures": 2,
        "next_reconcile_at": later,
    }
    return NamespaceFactory(**{**story, **fields})


def ready(**fields: Any) -> TenantNamespace:
    now = timezone.now()
    story = {"phase": "Ready", "conditions": READY, "observed_generation": 1}
    story |= {"begun_at": now, "applied_at": now, "ready_at": now + timedelta(seconds=9)}
    return NamespaceFactory(**{**story, **fields})


def workflow(namespace: TenantNamespace, phase: str, **fields: Any) -> Workflow:
    number, now = Workflow.objects.count(), timezone.now()
    story = {"uid": f"uid-{number}", "name": f"flow-{number}", "created_at": now}
    story |= {"finished_at": now, "resource_version": "1"}
    return Workflow.objects.create(namespace=namespace, phase=phase, **{**story, **fields})


# Whose it is.


@pytest.mark.parametrize("page", PAGES)
def test_another_teams_namespace_is_not_there(page: str) -> None:
    theirs = ready()

    answer = signed_in(owner_of(TeamFactory())).get(f"/namespaces/{theirs.pk}/{page}")

    assert answer.status_code == 404


def test_nobody_hurries_another_teams_namespace() -> None:
    theirs = ready()

    answer = signed_in(owner_of(TeamFactory())).post(f"/namespaces/{theirs.pk}/try-now/")

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/namespaces/", "/teams/", "/search/", *(f"/namespaces/1/{p}" for p in PAGES)]
)
def test_a_stranger_is_sent_to_sign_in(path: str) -> None:
    answer = Client().get(path)

    assert (answer.status_code, answer.url) == (302, f"/sign-in/?next={path}")


def test_a_page_that_polls_after_signing_out_goes_to_sign_in() -> None:
    answer = Client().get("/namespaces/1/progress/", headers=HTMX)

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (
        204,
        "/sign-in/?next=/namespaces/1/progress/",
    )


@pytest.mark.parametrize("pk", [0, 2**70])
def test_a_number_that_no_row_has_is_not_there(pk: int) -> None:
    assert signed_in(approver()).get(f"/namespaces/{pk}/").status_code == 404


# Home.


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


# The list.


def listed(client: Client, **asked: str) -> list[str]:
    return [n.name for n in client.get("/namespaces/", asked).context["page"].object_list]


def test_the_list_is_cut_into_pages_and_tells_how_many_there_are() -> None:
    team = TeamFactory()
    for n in range(30):
        ready(team=team, name=f"n-{n:02}")
    client = signed_in(owner_of(team))

    assert len(listed(client)) == 25
    assert listed(client, page="2") == [f"n-{n}" for n in range(25, 30)]
    assert "26 to 30 of 30 namespaces" in read(client, "/namespaces/", page="2")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["alpha", "beta"]),
        ({"sort": "-name"}, ["beta", "alpha"]),
        ({"sort": "team"}, ["beta", "alpha"]),
        ({"sort": "nonsense"}, ["alpha", "beta"]),
        ({"q": "ALP"}, ["alpha"]),
        ({"q": "atlas"}, ["beta"]),
        ({"team": "zoo"}, ["alpha"]),
        ({"cluster": "eu-1"}, ["alpha"]),
        ({"tier": "medium"}, ["beta"]),
        ({"phase": "Degraded"}, ["beta"]),
        ({"phase": "Terminated"}, ["gone"]),
        ({"q": "nothing\x00like this"}, []),
        ({"page": "99"}, ["alpha", "beta"]),
    ],
)
def test_the_list_is_narrowed_and_sorted_by_its_address(
    asked: dict[str, str], found: list[str]
) -> None:
    zoo, atlas = TeamFactory(slug="zoo"), TeamFactory(slug="atlas")
    ready(team=zoo, name="alpha", cluster__name="eu-1")
    degraded(team=atlas, name="beta", tier=tier("medium"))
    ready(team=zoo, name="gone", phase="Terminated", deleted_at=timezone.now())

    assert listed(signed_in(approver()), **asked) == found


def test_another_teams_namespaces_are_not_listed() -> None:
    ready()

    assert "No namespace yet" in read(signed_in(owner_of(TeamFactory())), "/namespaces/")


def test_a_list_where_nothing_fits_shows_the_way_back() -> None:
    page = read(signed_in(owner_of(ready().team)), "/namespaces/", q="zebra")

    assert "No namespace fits that. Clear the filters" in page


def test_the_filters_offer_only_clusters_one_has_something_on() -> None:
    mine = ready(cluster__name="eu-1")
    ready(cluster__name="secret-lab")

    page = read(signed_in(owner_of(mine.team)), "/namespaces/")

    assert "eu-1" in page
    assert "secret-lab" not in page


def test_the_list_costs_the_same_whatever_its_length(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(30):
        workflow(ready(), "Running")
    client = signed_in(approver())

    with django_assert_num_queries(14):
        client.get("/namespaces/")


# One namespace.


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster that every release is on."""
    fake = FakeCluster()
    helm = FakeHelm(fake, lambda _: ())
    monkeypatch.setattr(revisions, "connect", lambda _: Connection(kube=fake, helm=helm))
    return fake


@pytest.fixture(autouse=True)
def no_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    """These pages are not about what a chart renders: test_network_rules.py is."""

    def refuse(*_: object) -> tuple[Manifest, ...]:
        raise HelmFailed("there is no helm in this story")

    monkeypatch.setattr(network, "rendered", refuse)


def test_a_namespace_tells_its_conditions_with_reason_and_since_when(cluster: FakeCluster) -> None:
    namespace = degraded(name="payments")

    page = read(signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/")

    assert "Guard rails Applied 31 guard rails are as approved 5 min ago" in page
    assert "Argo Workflows ControllerNotAvailable ImagePullBackOff" in page
    assert "The platform team can mend this." in page


def test_a_namespace_tells_its_limits_its_people_and_its_controller(cluster: FakeCluster) -> None:
    namespace = ready(team=TeamFactory(viewer_group=""))
    workflow(namespace, "Running")
    workflow(namespace, "Pending")

    page = read(signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/")

    assert f"Owners {namespace.team.owner_group}" in page
    assert "Viewers nobody" in page
    assert "Argo v4.1.2 At once" in page
    assert "1 running, 1 waiting" in page
    assert "At most 4 cpu, 8 Gi memory" in page


def test_the_platforms_people_see_the_controller_and_not_what_waits_for_it(
    cluster: FakeCluster,
) -> None:
    namespace = ready()
    workflow(namespace, "Running")

    page = read(signed_in(approver()), f"/namespaces/{namespace.pk}/")

    assert "Argo v4.1.2" in page
    assert "running," not in page


def test_a_page_without_helm_says_so_and_shows_the_rest(cluster: FakeCluster) -> None:
    namespace = ready()

    page = read(signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/")

    assert "The rules cannot be shown: there is no helm in this story" in page
    assert "31 guard rails are as approved" in page


def test_the_page_itself_asks_no_cluster(cluster: FakeCluster) -> None:
    namespace = ready()

    signed_in(owner_of(namespace.team)).get(f"/namespaces/{namespace.pk}/")

    assert cluster.calls == []


def test_a_release_tells_its_revision_and_what_changed_in_its_values(cluster: FakeCluster) -> None:
    namespace = ready(name="payments")
    store(cluster, {"controller": {"tag": "v4.1.1"}, "fingerprint": "a"})
    store(cluster, {"controller": {"tag": "v4.1.2"}, "fingerprint": "b"})

    page = read(signed_in(viewer_of(namespace.team)), f"/namespaces/{namespace.pk}/release/")

    assert "revision 2 , deployed" in page
    assert "- tag: v4.1.1" in page
    assert "+ tag: v4.1.2" in page
    assert "fingerprint" not in page


def test_a_release_is_there_without_javascript_too(cluster: FakeCluster) -> None:
    namespace = ready(name="payments")
    store(cluster, {})

    page = read(signed_in(viewer_of(namespace.team)), f"/namespaces/{namespace.pk}/", release="1")

    assert "The first revision" in page


def test_of_a_release_nothing_is_shown_but_its_values(cluster: FakeCluster) -> None:
    namespace = ready(name="payments")
    store(cluster, {"team": "payments"})
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": "payments-argo"},
            "data": {"password": "aHVudGVyMg=="},
        }
    )

    html = signed_in(owner_of(namespace.team)).get(f"/namespaces/{namespace.pk}/release/").content

    assert b"hunter2" not in html
    assert b"aHVudGVyMg" not in html


def test_a_cluster_that_does_not_answer_is_a_sentence_on_a_page_that_stays(
    cluster: FakeCluster,
) -> None:
    namespace = ready(cluster__name="eu-1")
    cluster.unreachable = True

    page = read(signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/", release="1")

    assert "The release cannot be read from eu-1 now." in page
    assert "31 guard rails are as approved" in page


def test_a_namespace_shows_what_was_done_there_step_by_step(cluster: FakeCluster) -> None:
    namespace = ready()
    steps = [
        {"step": "apply Role x", "stage": "guard_rails", "state": "failed", "error": "no", "seconds": 0.5}
    ]  # fmt: skip
    Turn.objects.create(namespace=namespace, generation=1, outcome="Forbidden", steps=steps)

    client = signed_in(owner_of(namespace.team))
    page = read(client, f"/namespaces/{namespace.pk}/")

    assert "Failed apply Role x no 0.5 s" in page
    html = client.get(f"/namespaces/{namespace.pk}/").content.decode()
    assert '<span class="badge bad">Forbidden</span>' in html


def test_a_namespace_costs_the_same_whatever_happened_there(
    cluster: FakeCluster, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    namespace = ready()
    for _ in range(12):
        Turn.objects.create(namespace=namespace, generation=1)
    client = signed_in(owner_of(namespace.team))

    with django_assert_num_queries(12):
        client.get(f"/namespaces/{namespace.pk}/")


def test_all_that_was_done_there_is_paged_from_the_newest_and_costs_the_same(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    namespace = ready()
    for number in range(45):
        Turn.objects.create(namespace=namespace, generation=1, message=f"turn no. {number:02}")
    Turn.objects.create(namespace=ready(), generation=1, message="elsewhere")
    client = signed_in(owner_of(namespace.team))
    turns = f"/namespaces/{namespace.pk}/turns/"

    assert turns in client.get(f"/namespaces/{namespace.pk}/").content.decode()
    first = read(client, turns)
    with django_assert_num_queries(9):
        last = read(client, turns, page="3")

    assert first.index("turn no. 44") < first.index("turn no. 25")
    assert "turn no. 24" not in first
    assert "1 to 20 of 45 turns" in first
    assert "turn no. 00" in last
    assert "turn no. 05" not in last
    assert "elsewhere" not in first + last
    assert "41 to 45" in read(client, turns, page="999")


def test_where_nothing_was_done_yet_the_page_of_turns_says_where_to_look() -> None:
    namespace = NamespaceFactory()

    page = read(signed_in(viewer_of(namespace.team)), f"/namespaces/{namespace.pk}/turns/")

    assert "its first turn is about to come" in page


def store(cluster: FakeCluster, values: dict[str, Any]) -> None:
    """One more revision of the release, as helm would have kept it."""
    where = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments-argo"}}
    cluster.apply(where)
    base = release_of()
    made = Release(base.name, base.namespace, base.chart, values, base.fingerprint)
    FakeHelm(cluster, lambda _: ()).store(made, DEPLOYED, base.fingerprint)


def test_two_revisions_of_the_same_values_differ_in_nothing() -> None:
    same = {"a": 1}

    assert diff_of([Revision(2, DEPLOYED, same), Revision(1, "superseded", same)]) == ()


def test_a_diff_marks_lines_without_colour_too() -> None:
    found = diff_of([Revision(2, DEPLOYED, {"a": 2}), Revision(1, "superseded", {"a": 1})])

    assert [(line.mark, line.text) for line in found] == [
        ("@", "values"),
        ("-", "a: 1"),
        ("+", "a: 2"),
    ]
    assert found[1] == Line("a: 1", "del")


def test_a_diff_says_where_its_lines_are_and_compares_long_texts_line_by_line() -> None:
    def values(seconds: int, memory: str) -> dict[str, Any]:
        defaults = f"spec:\n  a: 1\n  b: 2\n  c: 3\n  deadline: {seconds}\n"
        resources = {"limits": {"cpu": "1", "memory": memory}, "requests": {"memory": "64Mi"}}
        controller = {"image": {"name": "argo", "tag": "v4"}, "resources": resources}
        return {"config": {"defaults": defaults}, "controller": controller}

    found = diff_of(
        [Revision(2, DEPLOYED, values(60, "1Gi")), Revision(1, "superseded", values(30, "2Gi"))]
    )

    assert [line.text.strip() for line in found if line.look] == [
        "config.defaults.spec",
        "deadline: 30",
        "deadline: 60",
        "controller.resources",
        "memory: 2Gi",
        "memory: 1Gi",
    ]


# Progress.


def progress(namespace: TenantNamespace, who: Who = owner_of) -> str:
    return read(signed_in(who(namespace.team)), f"/namespaces/{namespace.pk}/progress/")


def test_progress_tells_a_failure_what_it_means_and_who_can_mend_it() -> None:
    page = progress(degraded())

    assert "Controller : failed" in page
    assert "Its image could not be pulled." in page
    assert PULL.replace('"', "&quot;") in page
    assert "2 tries in a row failed; next try in 3 min" in page


def test_progress_before_the_first_turn_shows_the_request() -> None:
    request = filed(name="payments")
    namespace = NamespaceFactory(team=request.team, name="payments", approved_plan="a")
    approved(request, namespace)

    page = progress(namespace)

    assert f"Approval : done" in page  # noqa: F541
    assert f"asked by {request.requested_by}, approved by" in page
    assert "Namespaces : waiting" in page


def test_progress_of_a_wish_that_went_back_says_whom_it_waits_for() -> None:
    request = filed(name="payments")
    namespace = NamespaceFactory(team=request.team, name="payments", approved_plan="a")
    approved(request, namespace)
    requests.reopen(namespace, note="What would be made has changed since you looked.")
    namespace.refresh_from_db()

    page = progress(namespace)

    assert "waits for an approver; what would be made has changed since it was approved" in page


def test_progress_of_a_wish_that_was_never_made_stays_readable() -> None:
    now = timezone.now()
    namespace = NamespaceFactory(deletion_requested_at=now, deleted_at=now, phase="Terminated")

    assert "Nothing of it was ever made" in progress(namespace)


def test_progress_stays_there_after_ready_and_after_deletion() -> None:
    now = timezone.now()
    gone = ready(
        phase="Terminated",
        begun_at=now,
        deletion_requested_at=now,
        deleted_at=now,
        conditions=[condition("Ready", "True", "Gone")],
    )

    assert "Controller : done" in progress(ready())
    assert "Gone : done" in progress(gone)


def test_progress_tells_how_long_a_step_usually_takes_there() -> None:
    cluster = ClusterFactory()
    step = {"step": "create Namespace x", "stage": "namespaces", "state": "done"}
    for seconds in (0.2, 0.4, 30.0):
        other = ready(cluster=cluster)
        steps = [{**step, "seconds": seconds}]
        Turn.objects.create(namespace=other, generation=1, steps=steps, ended_at=timezone.now())
    mine = NamespaceFactory(cluster=cluster, claimed_until=timezone.now() + timedelta(minutes=1))
    Turn.objects.create(namespace=mine, generation=1, steps=[{**step, "state": "waiting"}])

    page = progress(mine)

    assert "Namespaces : now" in page
    assert "usually 0.4 s" in page
    assert f"Usually 9.0 s on {cluster.name}" in page


def test_progress_asks_again_soon_then_more_rarely_then_no_more() -> None:
    namespace = degraded()
    client, path = signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/progress/"

    first = client.get(path, {"looks": "1"}, headers=HTMX)
    later = client.get(path, {"looks": "30"}, headers=HTMX)
    TenantNamespace.objects.filter(pk=namespace.pk).update(phase="Ready", conditions=READY)
    last = client.get(path, {"looks": "31"}, headers=HTMX)

    assert (first.status_code, b"every 2s" in first.content) == (200, True)
    assert b"looks=2" in first.content
    assert (later.status_code, b"every 10s" in later.content) == (200, True)
    assert (last.status_code, b"hx-get" in last.content) == (286, False)


def test_progress_speaks_only_when_there_is_news() -> None:
    namespace = degraded()
    client, path = signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/progress/"

    first = client.get(path, headers=HTMX)
    again = client.get(path, {"said": first.context["poll"].said}, headers=HTMX)

    assert "Step 4 of 5, Controller, failed: Its image could not be pulled." in words(
        first.content.decode()
    )
    assert b"progress-said" in first.content
    assert b"progress-said" not in again.content


def test_going_back_in_history_gets_the_whole_page() -> None:
    namespace = degraded()
    headers = {**HTMX, "HX-History-Restore-Request": "true"}

    answer = signed_in(owner_of(namespace.team)).get(
        f"/namespaces/{namespace.pk}/progress/", headers=headers
    )

    assert b"<!doctype html>" in answer.content


def test_progress_costs_the_same_whatever_happened(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    request = filed(name="payments")
    namespace = ready(team=request.team, name="payments")
    approved(request, namespace)
    for _ in range(20):
        Turn.objects.create(namespace=namespace, generation=1)
    client = signed_in(owner_of(namespace.team))

    with django_assert_num_queries(8):
        client.get(f"/namespaces/{namespace.pk}/progress/", headers=HTMX)


@pytest.mark.parametrize("who", [owner_of, lambda _: platform_admin()])
def test_an_owner_and_an_admin_may_have_it_tried_now(who: Who) -> None:
    namespace = degraded()
    client = signed_in(who(namespace.team))

    answer = client.post(f"/namespaces/{namespace.pk}/try-now/", follow=True)

    namespace.refresh_from_db()
    assert namespace.next_reconcile_at <= timezone.now()
    assert "is looked at now, ahead of its schedule" in words(answer.content.decode())


@pytest.mark.parametrize("who", [member_of, viewer_of, lambda _: approver()])
def test_others_are_told_who_may_and_see_no_button(who: Who) -> None:
    namespace = degraded()
    client = signed_in(who(namespace.team))

    page = read(client, f"/namespaces/{namespace.pk}/progress/")
    answer = client.post(f"/namespaces/{namespace.pk}/try-now/")

    assert "Try now" not in page
    assert answer.status_code == 403
    assert "Only owners of" in words(answer.content.decode())


def test_what_is_paused_is_not_hurried() -> None:
    namespace = degraded(paused=True)

    answer = signed_in(owner_of(namespace.team)).post(f"/namespaces/{namespace.pk}/try-now/")

    assert answer.status_code == 409
    assert "is paused by the platform team" in words(answer.content.decode())


def test_trying_now_is_an_act_not_an_address() -> None:
    namespace = degraded()

    answer = signed_in(owner_of(namespace.team)).get(f"/namespaces/{namespace.pk}/try-now/")

    assert answer.status_code == 405


def approved(request: Request, namespace: TenantNamespace) -> None:
    """Say yes to a request by the rows alone."""
    Request.objects.filter(pk=request.pk).update(state="approved", namespace=namespace)
    RequestEvent.objects.create(request=request, kind="approved", by=approver())


@pytest.mark.parametrize("choose", [False, True])
def test_what_was_done_for_another_team_is_not_told(choose: bool) -> None:
    mine, theirs = ready(), ready()
    Turn.objects.create(namespace=theirs, generation=1, outcome="TheirOwnBusiness")
    person = approver() if choose else owner_of(mine.team)
    client = signed_in(person)
    if choose:
        client.get("/", {"team": mine.team.slug})

    assert "TheirOwnBusiness" not in read(client, "/")


# What a progress page is about.

LATER = {"applied_at": "2026-01-01T00:00:00Z", "ready_at": "2026-01-01T00:00:09Z"}


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({}, "Setting up payments"),
        ({"phase": "Degraded", "observed_generation": 1}, "Setting up payments"),
        ({"phase": "Ready", "observed_generation": 1, **LATER}, "payments is Ready"),
        ({"phase": "Ready", "generation": 2, "observed_generation": 1, **LATER}, "up to date"),
        (
            {"phase": "Degraded", "observed_generation": 1, **LATER},
            "What keeps payments from being Ready",
        ),
        ({"deletion_requested_at": "2026-01-02T00:00:00Z", **LATER}, "Removing payments"),
        ({"deleted_at": "2026-01-02T00:00:00Z", "begun_at": LATER["applied_at"]}, "is gone"),
        ({"deleted_at": "2026-01-02T00:00:00Z"}, "payments was never made"),
    ],
)
def test_the_title_says_what_is_going_on_now(fields: dict[str, Any], title: str) -> None:
    namespace = NamespaceFactory(name="payments", **fields)
    namespace.refresh_from_db()

    assert title in title_of(namespace)


def test_a_page_that_is_not_asked_again_has_no_time_that_stands_still() -> None:
    namespace = ready()

    page = progress(namespace)

    assert f"approved {namespace.created_at:%-d %b %Y, %H:%M} UTC" in page
    assert " ago" not in page
    assert "just now" not in page


def test_the_title_moves_with_the_steps() -> None:
    namespace = degraded()
    client, path = signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/progress/"
    said = client.get(path, headers=HTMX).context["poll"].said
    TenantNamespace.objects.filter(pk=namespace.pk).update(phase="Ready", conditions=READY)

    moved = client.get(path, {"said": said}, headers=HTMX).content.decode()

    assert f'id="progress-title" hx-swap-oob="innerHTML">{namespace.name} is Ready' in moved


def test_tries_are_turns_that_had_something_to_do() -> None:
    namespace = ready()
    step = {"step": "apply Role x", "stage": "guard_rails", "state": "done"}
    Turn.objects.create(namespace=namespace, generation=1, steps=[step])
    Turn.objects.create(namespace=namespace, generation=1, outcome="AllReady")

    assert "1 turn with work to do" in progress(namespace)


@pytest.mark.parametrize(
    ("in_step", "said"), [(True, "put back within seconds."), (False, "may take five minutes")]
)
def test_how_soon_a_change_is_put_back_is_said_as_it_is(
    cluster: FakeCluster, in_step: bool, said: str
) -> None:
    namespace, now = ready(), timezone.now()
    Watch.objects.create(
        cluster=namespace.cluster, kind="Guard rails", in_step=in_step, since=now, heard_at=now
    )

    page = read(signed_in(viewer_of(namespace.team)), f"/namespaces/{namespace.pk}/")

    assert said in page
    assert "Guard rails may be old" not in page


def test_nobody_is_told_of_seconds_where_nothing_watches(cluster: FakeCluster) -> None:
    namespace = ready()

    assert "may take five minutes" in read(
        signed_in(viewer_of(namespace.team)), f"/namespaces/{namespace.pk}/"
    )


def test_a_vulnerable_argo_is_said_on_the_page_with_the_way_out() -> None:
    old, well = NamespaceFactory(argo_version="v4.0.5"), NamespaceFactory(argo_version="v4.1.2")

    page = signed_in(viewer_of(old.team)).get(f"/namespaces/{old.pk}/").content.decode()
    assert "Argo v4.0.5 is vulnerable." in page
    assert "CVE-2026-54526" in page
    assert "v4.0.5 runs, v4.1.2 is wanted" in page

    page = signed_in(viewer_of(well.team)).get(f"/namespaces/{well.pk}/").content.decode()
    assert 'id="argo-standing"' not in page
