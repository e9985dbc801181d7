"""Requests that name labels: placed when filed, looked at again when approved, never moved in silence."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from controlplane.clusters.models import Cluster, Scheduling
from controlplane.errors import Changed, DomainError, NotAllowed, NotNow
from controlplane.kube.door import Connection
from controlplane.objects import Ref
from controlplane.placement import services, tasks
from controlplane.placement.choice import Amount
from controlplane.placement.models import Room
from controlplane.plans.agreement import agree, plan_of
from tenants import placing, requests
from tenants.models import Request, Team
from tenants.placed import NoPlace
from tenants.placing import Wish
from tests import plans
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    tier,
)
from tests.fakes import FakeCluster, FakeHelm

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def eu() -> Cluster:
    return ClusterFactory(name="eu-1", labels={"region": "eu", "zone": "a"})


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> plans.Plans:
    return plans.told(monkeypatch)


def ask(team: Team | None = None, **asked: Any) -> Request:
    team = team or TeamFactory()
    fields = {"name": "night", "tier": "small", "labels": {"region": "eu"}, **asked}
    return requests.file(kind="create", team=team, by=owner_of(team), fields=fields)


def cordon(cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(scheduling=Scheduling.CORDONED)


def test_a_request_by_labels_keeps_where_it_goes_and_why(eu: Cluster) -> None:
    ClusterFactory(name="us-1", labels={"region": "us"})

    request = ask()

    request.refresh_from_db()
    assert (request.cluster_name, request.asked["labels"]) == ("eu-1", {"region": "eu"})
    assert "cluster" not in request.asked
    assert request.placement is not None
    assert request.placement.why[0] == "eu-1 has region=eu, as asked."
    assert requests.spec_of(request).cluster.name == "eu-1"
    assert requests.sentence_of(request).endswith("on eu-1, chosen by region=eu.")


def test_a_request_that_names_its_cluster_keeps_no_choice(eu: Cluster) -> None:
    team = TeamFactory()
    asked = {"name": "night", "tier": "small", "cluster": eu.name}

    request = requests.file(kind="create", team=team, by=owner_of(team), fields=asked)

    assert (request.asked, request.placed, request.placement) == (asked, {}, None)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"cluster": "eu-1"}, "bad_request"),
        ({"labels": None}, "no_cluster"),
        ({"labels": {"region": "mars"}}, "no_such_labels"),
        ({"labels": {"a b": "c"}}, "bad_labels"),
        ({"labels": {"region": "eu\n"}}, "bad_labels"),
        ({"labels": {f"k{n}": "v" for n in range(11)}}, "bad_labels"),
        ({"labels": ["region"]}, "bad_request"),
    ],
)
def test_what_names_no_place_is_refused(asked: dict[str, Any], code: str, eu: Cluster) -> None:
    with pytest.raises(DomainError) as refused:
        ask(**asked)

    assert refused.value.code == code
    assert not Request.objects.exists()


def test_a_cordoned_cluster_is_refused_by_name_too(eu: Cluster) -> None:
    cordon(eu)

    with pytest.raises(DomainError, match="eu-1 takes no new namespaces") as refused:
        ask(labels=None, cluster="eu-1")

    assert refused.value.code == "cordoned"


def test_a_tier_is_refused_where_its_labels_are_not(eu: Cluster) -> None:
    small = tier()
    small.cluster_labels = {"size": "large"}
    small.save()

    with pytest.raises(NoPlace, match="does not carry tier small, which wants size=large"):
        ask()


def test_a_teams_requests_spread_over_zones_before_anything_is_approved(eu: Cluster) -> None:
    other = ClusterFactory(name="eu-2", labels={"region": "eu", "zone": "b"})
    team = TeamFactory()

    places = [ask(team, name=f"night-{n}").cluster_name for n in range(2)]

    assert places == [eu.name, other.name]


def test_what_was_promised_to_all_teams_counts_against_a_clusters_room(eu: Cluster) -> None:
    services.save_room(eu, cpu=Decimal(6), memory_gib=Decimal(100))
    ask()
    NamespaceFactory(cluster=eu)  # 4 cores of another team

    with pytest.raises(NoPlace, match="eu-1 has no room left for tier small") as refused:
        ask(name="noon")

    assert "8 of the 6 cores" in refused.value.kept_out[0].figures
    assert "cores" not in refused.value.sentence


def test_room_is_both_or_neither_and_emptied_it_limits_nothing(eu: Cluster) -> None:
    services.record_nodes(eu, seen=Amount(Decimal(2), Decimal(4)), now=NOW)

    with pytest.raises(Exception, match="Give cores and GiB, or neither"):
        services.save_room(eu, cpu=Decimal(1), memory_gib=None)
    services.save_room(eu, cpu=Decimal(1), memory_gib=Decimal(1))
    services.save_room(eu, cpu=None, memory_gib=None)

    room = Room.objects.get()
    assert (room.said, room.seen_cpu) == (False, 2)
    assert ask().cluster_name == "eu-1"


def test_choosing_costs_the_same_for_any_number_of_clusters(
    eu: Cluster, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    team = TeamFactory()
    wish = Wish(team, tier(), "night")

    def look() -> None:
        with django_assert_num_queries(7):
            placing.chooser().choose(wish, {"region": "eu"})

    NamespaceFactory(team=team, cluster=eu)
    look()
    for number in range(20):
        labels = {"region": "eu", "zone": str(number)}
        NamespaceFactory(team=team, cluster=ClusterFactory(labels=labels))
    look()


def test_an_approval_makes_it_on_the_cluster_that_was_shown(
    eu: Cluster, story: plans.Plans
) -> None:
    request = ask()
    plan = plan_of(request)

    agree(request, plan, by=approver(), plan_hash=plan.hash)

    request.refresh_from_db()
    assert request.namespace is not None
    assert request.namespace.cluster == eu


def test_a_cluster_that_is_cordoned_meanwhile_is_exchanged_and_nothing_is_approved(
    eu: Cluster, story: plans.Plans
) -> None:
    request, by = ask(), approver()
    plan = plan_of(request)
    other = ClusterFactory(name="eu-2", labels={"region": "eu"})
    cordon(eu)

    with pytest.raises(Changed, match=r"eu-1 is cordoned.*eu-2 was chosen instead"):
        agree(request, plan, by=by, plan_hash=plan.hash)

    request = Request.objects.get()
    assert (request.state, request.namespace, request.cluster_name) == ("pending", None, other.name)
    assert [e.kind for e in request.events.all()] == ["filed", "placed"]
    assert "From eu-1 to eu-2" in request.events.last().note  # type: ignore[union-attr]
    # And the approver who reads the new plan approves that.
    again = plan_of(request)
    agree(request, again, by=by, plan_hash=again.hash)
    request.refresh_from_db()
    assert request.namespace is not None
    assert request.namespace.cluster == other


def test_where_no_cluster_takes_it_any_more_the_reason_is_on_its_record(
    eu: Cluster, story: plans.Plans
) -> None:
    request = ask()
    plan = plan_of(request)
    cordon(eu)

    with pytest.raises(NoPlace, match="No cluster can take this now"):
        agree(request, plan, by=approver(), plan_hash=plan.hash)

    request = Request.objects.get()
    assert (request.state, request.cluster_name) == ("pending", "eu-1")
    assert [e.kind for e in request.events.all()] == ["filed", "unplaced"]


def test_a_named_cluster_that_is_cordoned_meanwhile_is_never_exchanged(
    eu: Cluster, story: plans.Plans
) -> None:
    request = ask(labels=None, cluster="eu-1")
    plan = plan_of(request)
    ClusterFactory(name="eu-2", labels={"region": "eu"})
    cordon(eu)

    with pytest.raises(DomainError, match="eu-1 takes no new namespaces"):
        agree(request, plan, by=approver(), plan_hash=plan.hash)

    assert Request.objects.get().cluster_name == "eu-1"


def test_a_plan_of_the_cluster_there_was_approves_nothing_on_the_one_there_is(
    eu: Cluster, story: plans.Plans
) -> None:
    read_by_one = ask()
    plan = plan_of(read_by_one)
    ClusterFactory(name="eu-2", labels={"region": "eu"})
    cordon(eu)
    requests.place_again(Request.objects.get(), by=approver())

    with pytest.raises(Changed, match="goes to eu-2 since you looked"):
        agree(read_by_one, plan, by=approver(), plan_hash=plan.hash)

    assert Request.objects.get().state == "pending"


def test_a_cluster_that_is_removed_meanwhile_is_exchanged_too(
    eu: Cluster, story: plans.Plans
) -> None:
    request = ask()
    ClusterFactory(name="eu-2", labels={"region": "eu"})
    eu.delete()

    assert requests.has_lost_its_place(request)
    with pytest.raises(NoPlace, match="eu-1 is no cluster of this platform any more"):
        plan_of(request)
    moved = requests.place_again(request, by=request.requested_by)

    assert moved.cluster_name == "eu-2"


def test_a_choice_that_still_holds_does_not_move(eu: Cluster) -> None:
    request = ask()
    ClusterFactory(name="eu-0", labels={"region": "eu"})

    with pytest.raises(NotNow, match="it stays there"):
        requests.place_again(request, by=request.requested_by)


def test_only_its_owners_and_approvers_have_it_placed_anew(eu: Cluster) -> None:
    request = ask()
    cordon(eu)

    for stranger in (owner_of(TeamFactory()), member_of(request.team)):
        with pytest.raises(NotAllowed):
            requests.place_again(request, by=stranger)


def test_amended_to_a_named_cluster_it_has_no_choice_any_more(eu: Cluster) -> None:
    request = ask()
    other = ClusterFactory(name="us-1")

    asked = {"name": "night", "tier": "small", "cluster": other.name}
    requests.amend(request, by=approver(), fields=asked, note="there is more room")

    request = Request.objects.get()
    assert (request.placed, request.cluster_name) == ({}, "us-1")


def test_two_that_were_placed_on_one_cluster_for_one_name_are_rivals(eu: Cluster) -> None:
    first, second = ask(), ask()

    said = requests.rivals_said(
        kind="create",
        fields=second.asked,
        by=approver(),
        placed=second.placement,
        but=second,
    )

    assert said == f"#{first.pk} already waits for this name."


def test_nodes_are_counted_and_a_cluster_that_is_away_keeps_its_count(
    eu: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeCluster()
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "one"},
        "status": {"allocatable": {"cpu": "3500m", "memory": "8Gi"}},
    }
    fake.apply(node)
    fake.objects[Ref("v1", "Node", "", "one")].manifest["status"] = node["status"]
    monkeypatch.setattr(
        tasks, "connect", lambda _: Connection(kube=fake, helm=FakeHelm(fake, render=lambda _: ()))
    )

    tasks.count_nodes(eu.pk)
    fake.unreachable = True
    tasks.count_nodes(eu.pk)

    room = Room.objects.get()
    assert (room.seen_cpu, room.seen_memory_gib, room.said) == (Decimal("3.5"), 8, False)


def test_a_credential_that_cannot_be_opened_counts_nothing_and_harms_nobody(eu: Cluster) -> None:
    tasks.count_nodes(eu.pk)
    tasks.count_nodes(0)

    assert not Room.objects.exists()
