"""A round of probes: all that are due, at once, and none of them waits for one that hangs."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.clusters import probe, recording
from controlplane.clusters.models import Cluster
from controlplane.clusters.probe import Look
from controlplane.kube.errors import Silent, refused
from provisioning import probing, tasks
from tests.factories import ClusterFactory, NamespaceFactory

pytestmark = pytest.mark.django_db
WAIT = 10.0


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Clusters called `hangs…` answer when the event is set (with nothing), the others at once."""
    go_on = threading.Event()

    def look(cluster: Cluster) -> Look:
        if cluster.name.startswith("hangs"):
            assert go_on.wait(WAIT)
            return Look(timezone.now(), Silent("timed out"))
        return Look(timezone.now(), seconds=0.01, version="v1.37.1")

    monkeypatch.setattr(probe, "look", look)
    yield go_on
    go_on.set()


def test_those_that_answer_are_settled_while_others_hang(hanging: threading.Event) -> None:
    for number in range(probing.AWAY_LANE + 8):
        ClusterFactory(name=f"hangs-{number}", reachable=False, probe_failures=3)
    ClusterFactory(name="well-1")
    ClusterFactory(name="well-2")
    settled: list[str] = []

    def settle(cluster: Cluster, _: Look) -> None:
        settled.append(cluster.name)
        if len(settled) == 2:
            assert sorted(settled) == ["well-1", "well-2"]
            hanging.set()

    assert probing.ask_all(settle) == probing.AWAY_LANE + 10


def test_a_round_asks_only_who_is_due_and_says_when_each_is_next(hanging: threading.Event) -> None:
    hanging.set()
    later = timezone.now() + timedelta(seconds=9)
    ClusterFactory(name="later", next_probe_at=later)
    ClusterFactory(name="well")
    ClusterFactory(name="hangs", reachable=False, probe_failures=2)

    assert tasks.probe_clusters() == 2

    now = timezone.now()
    wait = {
        c.name: round((c.next_probe_at - now).total_seconds())
        for c in Cluster.objects.all()
        if c.next_probe_at
    }
    assert wait["later"] <= 9
    assert (wait["well"], wait["hangs"]) == (15, 30)
    assert tasks.probe_clusters() == 0


def test_a_cluster_that_another_worker_asks_is_left_to_it() -> None:
    cluster = ClusterFactory()
    theirs = Cluster.objects.get()
    until = timezone.now() + timedelta(minutes=1)

    assert Cluster.objects.claim_probe(theirs, until=until)
    assert not Cluster.objects.claim_probe(cluster, until=until)


def test_one_that_breaks_the_asking_does_not_end_the_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def look(cluster: Cluster) -> Look:
        if cluster.name == "odd":
            raise LookupError
        return Look(timezone.now(), seconds=0.01)

    monkeypatch.setattr(probe, "look", look)
    ClusterFactory(name="odd")
    ClusterFactory(name="well", reachable=None)

    tasks.probe_clusters()

    assert Cluster.objects.get(name="well").reachable


def test_two_rounds_at_once_are_one(hanging: threading.Event) -> None:
    ClusterFactory(name="hangs")
    inner: list[int] = []

    def settle(_cluster: Cluster, _look: Look) -> None:
        inner.append(probing.ask_all(settle))

    hanging.set()
    assert probing.ask_all(settle) == 1
    assert inner == [0]


def looked(monkeypatch: pytest.MonkeyPatch, *looks: Look) -> Cluster:
    """A cluster of one namespace after it was asked so often."""
    namespace = NamespaceFactory()
    said = iter(looks)
    monkeypatch.setattr(probe, "look", lambda _: next(said))
    for _ in looks:
        tasks.probe_cluster(namespace.cluster_id)
    return Cluster.objects.get()


UNWELL = Look(timezone.now(), refused(503, {"message": "[-]etcd failed"}))
WELL = Look(
    timezone.now(),
    seconds=0.01,
    clock_skew=0.0,
    version="v1.37.1",
    endpoints=[{"ip": "10.0.0.1", "port": 6443}],
)


def test_one_answer_that_it_is_unwell_makes_it_degraded_and_two_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = looked(monkeypatch, WELL, UNWELL)
    assert once.reachable
    assert [c["reason"] for c in once.conditions if c["good"] is False] == ["Doubted"]

    monkeypatch.setattr(probe, "look", lambda _: UNWELL)
    tasks.probe_cluster(once.pk)

    twice = Cluster.objects.get()
    assert twice.reachable is False
    assert "[-]etcd failed" in twice.message


def test_an_answer_after_a_doubt_is_no_news(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    cluster = looked(monkeypatch, WELL, UNWELL, WELL)

    assert (cluster.reachable, cluster.probe_failures) == (True, 0)
    assert not caplog.records


def test_who_wishes_for_something_on_a_cluster_that_is_away_learns_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = looked(monkeypatch, UNWELL, UNWELL)
    late = NamespaceFactory(cluster=cluster)
    monkeypatch.setattr(probe, "look", lambda _: UNWELL)

    tasks.probe_cluster(cluster.pk)

    late.refresh_from_db()
    assert late.ready is not None
    assert late.ready.reason == "ClusterUnreachable"
    assert "[-]etcd failed" in late.ready.message


def test_a_turn_that_is_queued_for_a_cluster_that_is_away_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    namespace = NamespaceFactory(cluster=ClusterFactory(reachable=False))
    monkeypatch.setattr(tasks, "taken", lambda _: pytest.fail("it was taken"))

    tasks.reconcile_namespace(namespace.pk)


def test_when_a_platform_starts_nobody_waits_for_the_round_that_died_with_the_last_one(
    hanging: threading.Event,
) -> None:
    cluster = ClusterFactory()
    Cluster.objects.claim_probe(cluster, until=timezone.now() + timedelta(minutes=1))
    assert tasks.probe_clusters() == 0

    recording.release_claims()

    assert tasks.probe_clusters() == 1
