"""Cordon, uncordon, drain: who and why are kept, and a team that asks is told."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.clusters import scheduling
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.identity.models import User
from tenants import requests
from tests.controlplane.api.conftest import client_of
from tests.controlplane.desk.everything import signed_in
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    filed,
    owner_of,
    platform_admin,
    wish,
)

pytestmark = pytest.mark.django_db
WHY = "Its nodes are replaced tonight"


@pytest.fixture
def cluster() -> Cluster:
    return ClusterFactory(name="eu")


def post(user: User, cluster: Cluster, act: str, **said: str) -> Any:
    return client_of(user).post(f"/api/v1/clusters/{cluster.pk}/{act}/", said, format="json")


@pytest.mark.parametrize(("act", "state"), [("cordon", "cordoned"), ("drain", "draining")])
def test_it_says_so_who_did_it_and_why(cluster: Cluster, act: str, state: str) -> None:
    admin = platform_admin()

    answer = post(admin, cluster, act, reason=WHY)

    assert answer.status_code == 200
    assert (answer.json()["scheduling"], answer.json()["state"]) == (state, state)
    assert answer.json()["scheduling_reason"] == WHY
    line = cluster.history.latest()
    assert (line.history_user, line.scheduling, line.scheduling_reason) == (admin, state, WHY)


def test_what_was_cordoned_is_open_again(cluster: Cluster) -> None:
    admin = platform_admin()
    scheduling.drain(cluster, by=admin, reason=WHY)

    answer = post(admin, cluster, "uncordon")

    assert (answer.json()["scheduling"], answer.json()["scheduling_reason"]) == ("open", "")


@pytest.mark.parametrize("act", ["cordon", "drain"])
@pytest.mark.parametrize("reason", ["", "  "])
def test_without_a_reason_it_is_refused(cluster: Cluster, act: str, reason: str) -> None:
    answer = post(platform_admin(), cluster, act, reason=reason)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_reason")
    assert Cluster.objects.get().scheduling == "open"


@pytest.mark.parametrize("act", ["cordon", "uncordon", "drain"])
@pytest.mark.parametrize("who", [approver, PersonFactory])
def test_only_the_platforms_admins_do_it(cluster: Cluster, act: str, who: Any) -> None:
    assert post(who(), cluster, act, reason=WHY).status_code == 403
    assert Cluster.objects.get().scheduling == "open"


def test_the_same_twice_is_one_line_of_history(cluster: Cluster) -> None:
    admin = platform_admin()
    scheduling.cordon(cluster, by=admin, reason=WHY)
    lines = cluster.history.count()

    with pytest.raises(DomainError, match="eu is cordoned already"):
        scheduling.cordon(cluster, by=admin, reason=WHY)

    assert cluster.history.count() == lines


@pytest.mark.parametrize("act", [scheduling.cordon, scheduling.drain])
def test_who_asks_for_a_namespace_there_is_told_why_not(cluster: Cluster, act: Any) -> None:
    act(cluster, by=platform_admin(), reason=WHY)
    team = TeamFactory()

    with pytest.raises(DomainError, match=WHY) as refusal:
        requests.file(kind="create", team=team, by=owner_of(team), fields=wish(cluster))

    assert refusal.value.field == "cluster"
    assert not team.requests.exists()


def test_what_was_asked_before_is_not_approved_after(cluster: Cluster) -> None:
    request = filed(cluster=cluster.name)
    scheduling.cordon(cluster, by=platform_admin(), reason=WHY)

    assert any(WHY in problem for problem in requests.problems_of(request))
    with pytest.raises(DomainError, match=WHY):
        requests.approve(request, by=approver(), plan_hash="x", decided={})


def test_what_is_there_goes_on(cluster: Cluster) -> None:
    there = NamespaceFactory(cluster=cluster)

    scheduling.drain(cluster, by=platform_admin(), reason=WHY)

    there.refresh_from_db()
    assert (there.deletion_requested_at, there.paused) == (None, False)


def test_everybody_reads_the_reason_and_only_the_platforms_people_the_conditions_sentences(
    cluster: Cluster,
) -> None:
    scheduling.cordon(cluster, by=platform_admin(), reason=WHY)
    kept = {"type": "Serves", "good": False, "reason": "Doubted", "since": None}
    Cluster.objects.update(conditions=[{**kept, "message": "10.1.2.3 timed out"}])

    (theirs,) = client_of(PersonFactory()).get("/api/v1/clusters/").json()["results"]
    (ours,) = client_of(approver()).get("/api/v1/clusters/").json()["results"]

    assert theirs["scheduling_reason"] == WHY
    assert theirs["conditions"] == [{**kept, "message": ""}]
    assert ours["conditions"][0]["message"] == "10.1.2.3 timed out"


def act_at_the_desk(client: Client, act: str, *rows: Cluster, **more: str) -> Any:
    said = {"action": act, "_selected_action": [row.pk for row in rows], **more}
    return client.post(reverse("admin:clusters_cluster_changelist"), said, follow=True)


def test_at_the_desk_each_chosen_cluster_is_switched(client: Client, cluster: Cluster) -> None:
    other = ClusterFactory(name="us")
    admin = signed_in(client, platform_admin())

    page = act_at_the_desk(admin, "cordon", cluster, other, reason=WHY)

    assert set(Cluster.objects.values_list("scheduling", flat=True)) == {"cordoned"}
    assert b"eu is cordoned." in page.content
    shown = admin.get(reverse("admin:clusters_cluster_change", args=[cluster.pk])).content
    assert WHY.encode() in shown
    assert b"needs a reason" in act_at_the_desk(admin, "drain", cluster).content


def test_at_the_desk_a_reader_switches_nothing(client: Client, cluster: Cluster) -> None:
    act_at_the_desk(signed_in(client, approver()), "cordon", cluster, reason=WHY)

    assert Cluster.objects.get().scheduling == "open"
