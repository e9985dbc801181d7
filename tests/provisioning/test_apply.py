"""Doing the steps: stage by stage, each failure kept, and nothing done once the row is somebody else's."""

from collections.abc import Callable

import pytest

from controlplane.kube.door import Connection
from controlplane.kube.errors import HelmFailed, HelmTimedOut, Unreachable, refused
from controlplane.objects import Manifest, Ref, ref_of
from provisioning.apply import ClaimLost, Outcome, apply, failures_of
from provisioning.plan import Apply, Create, EnsureRelease, Remove, Restore, Stage
from tests.fakes import FakeCluster, FakeHelm

from .manifests import binding, desired_of, policy, quota

NAMESPACE: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}}


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    for name in ("payments", "payments-argo"):
        cluster.apply({**NAMESPACE, "metadata": {"name": name}})
    return cluster


def connected(cluster: FakeCluster, helm: FakeHelm | None = None) -> Connection:
    return Connection(kube=cluster, helm=helm or FakeHelm(cluster, lambda _: ()))


def held() -> bool:
    return True


def times(number: int) -> Callable[[], bool]:
    """A claim that can be renewed so many times."""
    left = [True] * number
    return lambda: bool(left and left.pop())


def test_one_failure_hides_no_other_and_stops_the_stages_after_it(cluster: FakeCluster) -> None:
    release = desired_of().releases[0].release
    cluster.refusals[("apply", "ResourceQuota")] = refused(403, {"message": "no quotas today"})
    cluster.refusals[("apply", "RoleBinding")] = refused(403, {"message": "no bindings either"})
    helm = FakeHelm(cluster, lambda _: ())

    outcomes = apply(
        [
            Apply(Stage.GUARD_RAILS, quota()),
            Apply(Stage.GUARD_RAILS, policy()),
            Apply(Stage.GUARD_RAILS, binding()),
            EnsureRelease(Stage.RELEASES, release),
        ],
        connected(cluster, helm),
        keep_claim=held,
    )

    assert [f.sentence for f in failures_of(outcomes)] == ["no quotas today", "no bindings either"]
    assert cluster.get(ref_of(policy())) is not None
    assert helm.runs == []


def test_helms_failure_has_a_reason_of_its_own(cluster: FakeCluster) -> None:
    helm = FakeHelm(cluster, lambda _: (), fails_with=HelmTimedOut("helm did not end within 60 s"))
    release = desired_of().releases[0].release

    (outcome,) = apply(
        [EnsureRelease(Stage.RELEASES, release)], connected(cluster, helm), keep_claim=held
    )

    assert outcome.failure is not None
    assert outcome.failure.reason == "HelmTimedOut"


def test_nothing_more_is_done_once_the_claim_is_lost(cluster: FakeCluster) -> None:
    noted: list[Outcome] = []

    with pytest.raises(ClaimLost):
        apply(
            [
                Apply(Stage.GUARD_RAILS, quota()),
                EnsureRelease(Stage.RELEASES, desired_of().releases[0].release),
            ],
            connected(cluster),
            keep_claim=times(1),
            note=noted.append,
        )

    assert len(noted) == 1


def test_a_cluster_that_goes_away_ends_the_turn(cluster: FakeCluster) -> None:
    cluster.unreachable = True

    with pytest.raises(Unreachable):
        apply([Apply(Stage.GUARD_RAILS, quota())], connected(cluster), keep_claim=held)


def test_creating_what_somebody_else_made_meanwhile_fails_and_changes_nothing() -> None:
    cluster = FakeCluster()
    cluster.apply(NAMESPACE, manager="somebody")
    before = cluster.get(ref_of(NAMESPACE))
    ours = desired_of().namespaces[0]

    (outcome,) = apply([Create(Stage.NAMESPACES, ours)], connected(cluster), keep_claim=held)

    assert outcome.failure is not None
    assert outcome.failure.reason == "Conflict"
    assert cluster.get(ref_of(NAMESPACE)) == before


def test_what_we_create_is_ours_as_the_one_who_applies() -> None:
    cluster = FakeCluster()

    apply(
        [Create(Stage.NAMESPACES, desired_of().namespaces[0])], connected(cluster), keep_claim=held
    )

    found = cluster.get(ref_of(NAMESPACE))
    assert found is not None
    owners = {(e["manager"], e["operation"]) for e in found["metadata"]["managedFields"]}
    assert owners == {("argosy", "Apply")}


def test_restoring_takes_away_what_others_wrote_and_their_ownership(cluster: FakeCluster) -> None:
    cluster.apply(quota())
    cluster.patch(ref_of(quota()), {"spec": {"hard": {"services": "9"}}}, manager="somebody")

    apply([Restore(Stage.GUARD_RAILS, quota(), "argosy")], connected(cluster), keep_claim=held)

    found = cluster.get(ref_of(quota()))
    assert found is not None
    assert "services" not in found["spec"]["hard"]
    assert {e["manager"] for e in found["metadata"]["managedFields"]} == {"argosy"}


def test_removing_spares_another_object_of_the_same_name(cluster: FakeCluster) -> None:
    cluster.apply(quota())

    (outcome,) = apply(
        [Remove(Stage.REMOVALS, ref_of(quota()), "the-uid-of-an-older-one")],
        connected(cluster),
        keep_claim=held,
    )

    assert outcome.failure is not None
    assert cluster.get(Ref("v1", "ResourceQuota", "payments", "team-quota")) is not None


def test_a_quota_that_keeps_helm_from_writing_is_named_first(cluster: FakeCluster) -> None:
    words = 'release argo failed: secrets "x" is forbidden: exceeded quota: foreign, requested: secrets=1'
    helm = FakeHelm(cluster, lambda _: (), fails_with=HelmFailed(words))
    release = desired_of().releases[0].release

    outcomes = apply(
        [EnsureRelease(Stage.RELEASES, release)], connected(cluster, helm), keep_claim=held
    )

    (failure,) = failures_of(outcomes)
    assert failure.sentence.startswith(f"The quota foreign of the namespace {release.namespace} ")
    assert failure.sentence.endswith(words)
