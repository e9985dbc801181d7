"""The fleet for the platform: the broken cluster first among 400, each with its age; nobody else's."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.clusters.models import Cluster, Scheduling
from controlplane.index.models import Watch
from controlplane.metrics import fleet as fleets
from controlplane.metrics import quota_history
from controlplane.metrics.fleet import Standing
from controlplane.policies.models import AgentToken, Delivery
from tests.controlplane.console.pages import read, signed_in, words
from tests.controlplane.metrics.usage.conftest import NOW, watched
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db

FINE = {"checked_at": NOW, "since": NOW - timedelta(days=3), "kubernetes_version": "v1.37.1"}
WHY = "the API server cannot be reached: [Errno 111] Connection refused"
BROKEN = {"reachable": False, "trouble": "away", "message": WHY, "since": NOW - timedelta(hours=2)}


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def reader() -> Client:
    return signed_in(approver())


def clusters(count: int, **facts: Any) -> list[Cluster]:
    """So many that are well, watched, and act by their image rules."""
    made = [ClusterFactory(**{**FINE, **facts}) for _ in range(count)]
    for each in made:
        watched(each)
        Delivery.objects.create(cluster=each, in_force=True)
    return made


def tiles(client: Client, **asked: str) -> list[str]:
    page = client.get("/fleet/", asked).content.decode()
    return [words(tile) for tile in re.findall(r"<article.*?</article>", page, re.DOTALL)]


def test_the_one_broken_cluster_among_400_is_the_first_tile_with_why(reader: Client) -> None:
    broken = clusters(400)[217]
    Cluster.objects.filter(pk=broken.pk).update(**BROKEN)

    found = tiles(reader)

    assert found[0].startswith(f"{broken.name} unreachable")
    assert WHY in found[0]
    assert sum("unreachable" in tile for tile in found) == 1
    assert tiles(reader, state="broken") == found[:1]


def test_what_has_to_be_looked_at_comes_before_what_is_fine(reader: Client) -> None:
    fine, cordoned, degraded, stale, broken = clusters(5)
    Cluster.objects.filter(pk=broken.pk).update(**BROKEN)
    Cluster.objects.filter(pk=cordoned.pk).update(scheduling=Scheduling.CORDONED)
    Watch.objects.filter(cluster=stale).update(heard_at=NOW - timedelta(hours=1))
    NamespaceFactory(cluster=degraded, phase="Degraded")

    order = [tile.split()[0] for tile in tiles(reader)]

    assert order == [each.name for each in (broken, stale, degraded, cordoned, fine)]


@pytest.mark.parametrize(
    ("facts", "standing"),
    [
        ({}, Standing.FINE),
        ({"reachable": None}, Standing.NEW),
        ({"reachable": False}, Standing.BROKEN),
        ({"checked_at": NOW - timedelta(hours=1)}, Standing.STALE),
        ({"scheduling": Scheduling.DRAINING}, Standing.CLOSED),
        ({"reachable": False, "scheduling": Scheduling.CORDONED}, Standing.BROKEN),
    ],
)
def test_a_cluster_is_one_word(facts: dict[str, Any], standing: Standing) -> None:
    clusters(1, **facts)

    assert [each.standing for each in fleets.glances(NOW)] == [standing]


def test_image_rules_that_did_not_arrive_are_on_the_tile(reader: Client) -> None:
    [one] = clusters(1)
    Delivery.objects.filter(cluster=one).update(in_force=False, message="The cluster refused them.")

    [tile] = tiles(reader)

    assert "The cluster refused them." in tile
    assert "image rules not in force" in tile


def test_a_cluster_that_is_away_takes_nothing_new_and_its_rules_are_as_last_seen(
    reader: Client,
) -> None:
    away, well = clusters(2)
    Cluster.objects.filter(pk=away.pk).update(**BROKEN)

    first, second = tiles(reader)
    page, other = (read(reader, f"/fleet/{each.name}/") for each in (away, well))

    assert "image rules act as last seen · takes nothing new until it serves the platform" in first
    assert "as last seen" not in second
    assert "Takes new nothing until it serves the platform again" in page
    assert "Image rules act as last seen" in page
    assert "Takes new yes" in other
    assert "as last seen" not in other


@pytest.mark.parametrize(("minutes", "told"), [(1, True), (3, False)])
def test_watches_of_a_cluster_that_has_just_come_back_are_said_to_catch_up(
    reader: Client, minutes: int, *, told: bool
) -> None:
    [back] = clusters(1, since=NOW - timedelta(minutes=minutes))
    Watch.objects.filter(cluster=back).update(in_step=False)

    [tile] = tiles(reader)
    page = read(reader, f"/fleet/{back.name}/")

    assert "watches are behind" in tile
    assert ("its watches catch up by themselves within two minutes" in page) is told


def agent_heard(cluster: Cluster, *, ago: timedelta) -> None:
    AgentToken.objects.create(
        cluster=cluster, digest=f"{cluster.pk}-{ago}", hint="argosy_agent_x", last_used_at=NOW - ago
    )


def test_an_agent_that_fell_silent_is_on_the_tile_with_what_that_means(reader: Client) -> None:
    silent, well = clusters(2)
    agent_heard(silent, ago=timedelta(minutes=12))
    agent_heard(well, ago=timedelta(minutes=1))

    first, second = tiles(reader)

    assert first.startswith(silent.name)
    assert "Its agent was not heard since" in first
    assert "nobody scans what runs there" in first
    assert "agent" not in second


def test_of_two_tokens_of_an_agent_the_one_in_use_counts(reader: Client) -> None:
    (cluster,) = clusters(1)
    agent_heard(cluster, ago=timedelta(hours=3))
    agent_heard(cluster, ago=timedelta(minutes=1))

    assert "agent" not in tiles(reader)[0]


def test_the_page_of_a_cluster_says_when_its_agent_was_heard_or_that_there_is_none(
    reader: Client,
) -> None:
    (cluster,) = clusters(1)

    before = words(reader.get(f"/fleet/{cluster.name}/").content.decode())
    agent_heard(cluster, ago=timedelta(minutes=12))
    after = words(reader.get(f"/fleet/{cluster.name}/").content.decode())

    assert "Agent none yet: nobody scans what runs here" in before
    assert "Agent silent 12 min ago" in after
    assert "Its agent was not heard since" in after


def test_a_tile_says_what_is_on_it(reader: Client) -> None:
    [one] = clusters(1, labels={"region": "eu", "zone": "a"}, simulated=True)
    NamespaceFactory(cluster=one, argo_version="v4.1.2")
    NamespaceFactory(cluster=one, argo_version="v3.7.1")

    [tile] = tiles(reader)

    assert "2 namespaces · Argo v3.7.1, v4.1.2" in tile
    assert "simulated region=eu zone=a" in tile
    assert "heard just now" in tile


def test_how_many_are_followed_is_said_with_since_when_the_others_are_not(reader: Client) -> None:
    made = clusters(4)
    Watch.objects.filter(cluster=made[0]).update(heard_at=NOW - timedelta(minutes=108))
    Watch.objects.filter(cluster=made[1]).delete()

    assert "Followed now: 2 of 4 clusters, 1 stale since 10:42, 1 never seen" in read(
        reader, "/fleet/"
    )


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"q": "region=eu"}, 2),
        ({"q": "REGION=EU zone=b"}, 1),
        ({"argo": "v3.7.1"}, 1),
        ({"state": "broken"}, 0),
        ({"state": "no such state"}, 3),
        ({"q": "%_'\""}, 0),
    ],
)
def test_the_fleet_is_narrowed_by_its_address(
    reader: Client, asked: dict[str, str], count: int
) -> None:
    clusters(1, labels={"region": "eu", "zone": "a"})
    [old] = clusters(1, labels={"region": "eu", "zone": "b"})
    clusters(1, labels={"region": "us", "zone": "b"})
    NamespaceFactory(cluster=old, argo_version="v3.7.1")

    assert len(tiles(reader, **asked)) == count


def test_nothing_that_fits_offers_all_of_them(reader: Client) -> None:
    clusters(2)

    assert "No cluster is like that. Show all 2" in read(reader, "/fleet/", q="nowhere")


def test_without_a_cluster_the_page_says_how_to_add_one(reader: Client) -> None:
    assert "argosy cluster add" in read(reader, "/fleet/")


def test_a_worker_that_ended_is_said_before_anything_else(reader: Client) -> None:
    clusters(2, checked_at=NOW - timedelta(hours=1))

    assert "worker is not running" in read(reader, "/fleet/")


def test_the_fleets_quotas_are_drawn_with_how_many_were_seen(reader: Client) -> None:
    clusters(1)
    NamespaceFactory(cluster=Cluster.objects.get(), begun_at=NOW)
    quota_history.remember(NOW)

    page = read(reader, "/fleet/")

    assert "All quotas together" in page
    assert "0 of 1" in page


def test_the_page_of_a_cluster_says_why_and_what_to_do(reader: Client) -> None:
    [one] = clusters(1, **BROKEN)
    NamespaceFactory(cluster=one, name="settle", argo_version="v4.1.2")

    page = read(reader, f"/fleet/{one.name}/")

    assert f"Unreachable since 10 Mar 2026, 10:30 UTC . Away: {WHY}" in page
    assert "argosy cluster add" in page
    assert "settle" in page
    assert "4 cores" in page


@pytest.mark.parametrize("window", ["24h", "7d", "90d"])
def test_the_page_of_a_cluster_has_a_range(reader: Client, window: str) -> None:
    [one] = clusters(1)

    assert reader.get(f"/fleet/{one.name}/?range={window}").status_code == 200


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
@pytest.mark.parametrize("path", ["/fleet/", "/fleet/{}/"])
def test_to_people_of_teams_there_is_no_fleet(who: Who, path: str) -> None:
    [one] = clusters(1)

    assert signed_in(who(TeamFactory())).get(path.format(one.name)).status_code == 404


def test_a_cluster_that_is_not_there_is_not_there(reader: Client) -> None:
    assert reader.get("/fleet/no-such/").status_code == 404


def test_both_roles_of_the_platform_see_it() -> None:
    clusters(1)

    for who in (approver, platform_admin):
        assert len(tiles(signed_in(who()))) == 1


def test_the_fleet_asks_the_same_questions_however_large_it_is(
    reader: Client, django_assert_num_queries: Any
) -> None:
    made, team = clusters(2), TeamFactory()
    reader.get("/fleet/")
    with django_assert_num_queries(17):
        reader.get("/fleet/")
    for each in [*clusters(40), *made]:
        NamespaceFactory(cluster=each, team=team)
    with django_assert_num_queries(17):
        reader.get("/fleet/")


def test_the_page_of_a_cluster_asks_the_same_questions_however_full_it_is(
    reader: Client, django_assert_num_queries: Any
) -> None:
    [one], team = clusters(1), TeamFactory()
    reader.get(f"/fleet/{one.name}/")
    with django_assert_num_queries(24):
        reader.get(f"/fleet/{one.name}/")
    for _ in range(30):
        NamespaceFactory(cluster=one, team=team)
    with django_assert_num_queries(24):
        reader.get(f"/fleet/{one.name}/")
