"""The platform's own part of a cluster: what somebody changes of it is put back by the clock, and told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.clusters import base_release
from controlplane.clusters.models import Cluster
from controlplane.kube.door import Connection
from controlplane.kube.errors import refused
from controlplane.objects import Ref, ref_of
from provisioning import base, tasks
from tests.factories import ClusterFactory
from tests.fakes import FakeCluster, FakeHelm

pytestmark = pytest.mark.django_db

ADMISSION = "admissionregistration.k8s.io/v1"
POLICY = Ref(ADMISSION, "ValidatingAdmissionPolicy", "", "argosy-workload-pods")
BINDING = Ref(ADMISSION, "ValidatingAdmissionPolicyBinding", "", "argosy-workload-pods")
RETIRED = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "argosy-admission", "namespace": "argosy-system"},
}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """A cluster that has the base of this version, and serves Argo's kinds."""
    cluster = FakeCluster()
    connection = Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))
    monkeypatch.setattr(base, "connect", lambda _: connection)
    monkeypatch.setattr(base_release, "_await_established", lambda *_: None)
    base_release.install(connection, {})
    return cluster


@pytest.fixture
def cluster(fake: FakeCluster) -> Cluster:
    """Its row, looked at before."""
    row = ClusterFactory(base_version=base_release.version(), base_checked_at=timezone.now())
    base.tend(row)
    return row


def tended(cluster: Cluster) -> Cluster:
    tasks.tend_base(cluster.pk)
    cluster.refresh_from_db()
    return cluster


def test_no_two_files_of_the_base_say_the_same_object() -> None:
    named = [ref_of(manifest) for manifest in base_release.manifests_for("platform")]

    assert len(named) == len(set(named))


def test_a_base_that_is_as_it_was_brought_is_left_alone(
    fake: FakeCluster, cluster: Cluster
) -> None:
    fake.calls.clear()

    assert tended(cluster).base_put_back == ""

    assert {call.split()[0] for call in fake.calls} == {"get", "dry-run", "delete"}


@pytest.mark.parametrize(
    "gone", [POLICY, BINDING, Ref("scheduling.k8s.io/v1", "PriorityClass", "", "argosy-controller")]
)
def test_what_was_deleted_is_made_again_and_told(
    fake: FakeCluster, cluster: Cluster, gone: Ref
) -> None:
    fake.delete(gone)

    row = tended(cluster)

    assert gone in fake.objects
    assert row.base_put_back == f"Put back {gone.kind} {gone.name} (it was gone)"
    assert row.base_put_back_at is not None


def test_a_policy_that_somebody_narrowed_is_as_it_was_and_they_are_named(
    fake: FakeCluster, cluster: Cluster
) -> None:
    narrower = {"spec": {"matchConstraints": {"objectSelector": {"matchLabels": {"a": "b"}}}}}
    fake.patch(POLICY, narrower, manager="kubectl-edit")

    row = tended(cluster)

    assert "'a': 'b'" not in str(fake.get(POLICY))
    assert "Put back ValidatingAdmissionPolicy argosy-workload-pods (changed by kubectl-edit" in (
        row.base_put_back
    )


def test_another_version_is_brought_and_is_no_drift(fake: FakeCluster, cluster: Cluster) -> None:
    fake.delete(POLICY)
    fake.apply(RETIRED)
    Cluster.objects.update(base_version="0.0.1-old")

    row = tended(cluster)

    assert POLICY in fake.objects
    assert not [ref for ref in fake.objects if ref.kind == "ConfigMap"]
    assert (row.base_version, row.base_put_back) == (base_release.version(), "")


def test_a_cluster_that_does_not_take_it_says_so_until_it_does(
    fake: FakeCluster, cluster: Cluster
) -> None:
    fake.delete(POLICY)
    fake.refusals["apply", POLICY.kind] = refused(403, {"message": "policies are forbidden"})

    row = tended(cluster)
    assert "policies are forbidden" in row.base_message
    assert "BaseInPlace" in [c["type"] for c in row.conditions if c["good"] is False]

    fake.refusals.clear()
    row = tended(cluster)
    assert row.base_message == ""
    assert POLICY in fake.objects


def test_where_nobody_answers_the_probe_is_due_at_once(fake: FakeCluster, cluster: Cluster) -> None:
    Cluster.objects.update(next_probe_at=timezone.now() + timedelta(seconds=14))
    fake.unreachable = True

    assert tended(cluster).next_probe_at is not None

    assert Cluster.objects.to_ask(timezone.now()).exists()


def test_it_is_looked_at_every_few_minutes_and_soon_where_it_is_old_or_was_refused() -> None:
    now, new = timezone.now(), base_release.version()
    long_ago, lately = now - base.LOOK_EVERY * 2, now - base.LOOK_EVERY / 2
    due = {
        ClusterFactory(base_version=new, base_checked_at=long_ago).pk,
        ClusterFactory(base_version=new, base_checked_at=None).pk,
        ClusterFactory(base_version="old", base_checked_at=lately).pk,
        ClusterFactory(base_version=new, base_message="no", base_checked_at=lately).pk,
    }
    ClusterFactory(base_version=new, base_checked_at=lately)
    ClusterFactory(base_version="old", base_message="no", base_checked_at=now)
    ClusterFactory(base_version="old", base_checked_at=long_ago, reachable=False)

    assert set(base.due()) == due


def test_who_was_seen_to_change_it_has_it_looked_at_now(cluster: Cluster) -> None:
    assert not base.is_due(cluster, now=timezone.now())
    other = ClusterFactory(base_version=base_release.version(), base_checked_at=timezone.now())

    assert tasks.tend_soon(cluster.pk)

    cluster.refresh_from_db()
    assert base.is_due(cluster, now=timezone.now())
    assert not base.is_due(Cluster.objects.get(pk=other.pk), now=timezone.now())
    assert base.due() == [cluster.pk]  # the clock finds it as well, should the broker lose the task


def test_no_look_is_due_where_there_is_no_cluster_any_more() -> None:
    assert not tasks.tend_soon(12_345)


def test_what_is_changed_while_it_is_looked_at_is_looked_at_again(
    fake: FakeCluster, cluster: Cluster
) -> None:
    tasks.tend_soon(cluster.pk)
    cluster.refresh_from_db()

    tasks.tend_soon(cluster.pk)  # seen while this look goes on
    base.tend(cluster)

    cluster.refresh_from_db()
    assert base.is_due(cluster, now=timezone.now())
    base.tend(cluster)
    cluster.refresh_from_db()
    assert not base.is_due(cluster, now=timezone.now())


def test_a_hurried_look_that_somebody_else_has_taken_is_not_taken_again(
    fake: FakeCluster, cluster: Cluster
) -> None:
    fake.calls.clear()

    tasks.tend_base(cluster.pk, hurried=True)

    assert fake.calls == []


def test_a_hurried_look_for_which_no_worker_has_room_is_asked_for_again(
    fake: FakeCluster, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    monkeypatch.setattr(
        tasks.tend_base, "apply_async", lambda *_, countdown, **__: asked.append(countdown)
    )
    monkeypatch.setattr(tasks.slots, "take", lambda *_, **__: False)
    tasks.tend_soon(cluster.pk)

    tasks.tend_base(cluster.pk)  # the clock's: it comes again by itself
    tasks.tend_base(cluster.pk, hurried=True)

    assert asked == [tasks.HURRIED_EVERY.total_seconds()]
