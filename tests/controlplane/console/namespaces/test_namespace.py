"""One namespace: its conditions, limits, people and controller, and what the platform did there."""

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from controlplane.index.models import Watch
from provisioning.models import Turn
from tests.controlplane.console.namespaces.stories import degraded, ready, workflow
from tests.controlplane.console.pages import read, signed_in
from tests.factories import (
    NamespaceFactory,
    TeamFactory,
    approver,
    owner_of,
    viewer_of,
)
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db


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
    assert "Argo v4.1.2 It says Ask the metrics engine At once" in page
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
    old, well = ready(argo_version="v4.0.5"), ready(argo_version="v4.1.2")

    page = signed_in(viewer_of(old.team)).get(f"/namespaces/{old.pk}/").content.decode()
    assert "Argo v4.0.5 is vulnerable." in page
    assert "CVE-2026-54526" in page
    assert "v4.0.5 runs, v4.1.2 is wanted" in page

    page = signed_in(viewer_of(well.team)).get(f"/namespaces/{well.pk}/").content.decode()
    assert 'id="argo-standing"' not in page
