"""Each registered cluster gets what was decided, when it was decided, and is told of once it acts by it."""

import time
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.celery import app
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.kube.errors import refused
from controlplane.objects import FINGERPRINT, ref_of
from controlplane.policies import delivering, delivery, drifting, services
from controlplane.policies.compile import probes
from controlplane.policies.models import Delivery
from controlplane.policies.tasks import bring_policies, bring_soon, look_at_policies
from tests.factories import ClusterFactory, NamespaceFactory, TeamFactory, platform_admin
from tests.fakes.cluster import FakeCluster
from tests.images import NOW, policy

pytestmark = pytest.mark.django_db

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
AUTHORITY = b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()
WEBHOOK = {"url": "https://127.0.0.7:7001/review", "caBundle": AUTHORITY}


@pytest.fixture
def cluster() -> Cluster:
    return NamespaceFactory(name="payments").cluster


def row_of(cluster: Cluster) -> Delivery:
    return Delivery.objects.get(cluster=cluster)


def writes(fake: FakeCluster, act: Callable[[], object]) -> list[str]:
    """What it asked of the cluster beside looking."""
    fake.calls.clear()
    act()
    return [call for call in fake.calls if call.split()[0] not in {"get", "list"}]


def test_a_registered_cluster_is_brought_its_policies_and_says_since_when_they_hold(
    fake: FakeCluster, cluster: Cluster
) -> None:
    assert delivering.bring(cluster, now=NOW)

    row = row_of(cluster)
    assert (row.in_force, row.version, row.since, row.message) == (True, 1, NOW, "")
    kinds = {ref.kind for ref in fake.objects}
    assert {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"} <= kinds


def test_what_did_not_change_costs_no_call(fake: FakeCluster, cluster: Cluster) -> None:
    delivering.bring(cluster, now=NOW)
    fake.calls.clear()

    assert not delivering.bring(cluster, now=NOW + MINUTE)
    assert fake.calls == []


def test_a_look_after_a_while_only_reads_where_all_is_as_it_was(
    fake: FakeCluster, cluster: Cluster
) -> None:
    delivering.bring(cluster, now=NOW)
    later = NOW + delivering.LOOKED_AFTER + SECOND

    assert writes(fake, lambda: delivering.bring(cluster, now=later)) == []
    assert row_of(cluster).since == NOW
    assert row_of(cluster).checked_at == later


def test_what_drifted_is_repaired_by_that_look(fake: FakeCluster, cluster: Cluster) -> None:
    delivering.bring(cluster, now=NOW)
    binding = next(r for r in fake.objects if r.kind == "ValidatingAdmissionPolicyBinding")
    fake.patch(binding, {"spec": {"validationActions": ["Warn"]}})

    delivering.bring(cluster, now=NOW + delivering.LOOKED_AFTER + SECOND)

    assert (fake.get(binding) or {})["spec"]["validationActions"] == ["Deny", "Audit"]


def test_what_somebody_added_beside_our_fields_is_taken_away(
    fake: FakeCluster, cluster: Cluster
) -> None:
    delivering.bring(cluster, now=NOW)
    policy_ = next(r for r in fake.objects if r.kind == "ValidatingAdmissionPolicy")
    narrower = {"spec": {"matchConstraints": {"objectSelector": {"matchLabels": {"a": "b"}}}}}
    fake.patch(policy_, narrower, manager="kubectl-edit")

    delivering.bring(cluster, now=NOW + delivering.LOOKED_AFTER + SECOND)

    assert "'a': 'b'" not in str(fake.get(policy_))
    cluster.refresh_from_db()
    assert cluster.base_put_back == (
        f"Put back ValidatingAdmissionPolicy {policy_.name} (changed by kubectl-edit)"
    )


def test_what_was_deleted_is_told_and_what_changes_because_a_policy_did_is_not(
    fake: FakeCluster, cluster: Cluster
) -> None:
    delivering.bring(cluster, now=NOW)
    policy(deny=[{"registry": "evil.example"}])
    delivering.bring(cluster, now=NOW + SECOND)
    cluster.refresh_from_db()
    assert cluster.base_put_back == ""

    gone = next(r for r in fake.objects if r.kind == "ValidatingAdmissionPolicyBinding")
    fake.delete(gone)
    delivering.bring(cluster, now=NOW + delivering.LOOKED_AFTER + MINUTE)

    cluster.refresh_from_db()
    assert cluster.base_put_back == f"Put back {gone.kind} {gone.name} (it was gone)"
    assert cluster.base_put_back_at is not None


def test_what_an_older_release_brought_is_brought_anew_and_nobody_is_named_for_it(
    fake: FakeCluster, cluster: Cluster
) -> None:
    delivering.bring(cluster, now=NOW)
    old = next(r for r in fake.objects if r.kind == "ValidatingAdmissionPolicy")
    wanted = fake.get(old)
    earlier = {key: value for key, value in (wanted or {}).items() if key != "metadata"}
    labels = (wanted or {})["metadata"]["labels"]
    said = {"name": old.name, "labels": labels, "annotations": {FINGERPRINT: "of before"}}
    fake.apply(
        {**earlier, "metadata": said, "spec": {**earlier["spec"], "failurePolicy": "Ignore"}}
    )

    delivering.bring(cluster, now=NOW + delivering.LOOKED_AFTER + SECOND)

    assert (fake.get(old) or {})["spec"] == (wanted or {})["spec"]
    cluster.refresh_from_db()
    assert cluster.base_put_back == ""


def test_who_was_seen_to_change_it_has_that_cluster_looked_at_now(
    fake: FakeCluster, cluster: Cluster
) -> None:
    other = ClusterFactory()
    for each in (cluster, other):
        delivering.bring(each, now=NOW)
    Delivery.objects.update(due_at=timezone.now() + MINUTE)
    quiet = row_of(other).due_at

    assert bring_soon(cluster.pk)

    assert delivering.is_due(cluster.pk, now=timezone.now())
    assert cluster.pk in dict(delivering.waiting(timezone.now()))  # should the broker lose the task
    assert row_of(other).due_at == quiet
    assert not bring_soon(cluster.pk + 1000)  # gone meanwhile


def test_what_is_changed_while_it_is_looked_at_is_looked_at_again(
    fake: FakeCluster, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivering.bring(cluster, now=NOW)
    later, look = NOW + delivering.LOOKED_AFTER + SECOND, drifting.look

    def looking(*args: Any) -> Any:
        found = look(*args)
        delivering.due_now(cluster.pk, now=later)  # seen when the look had passed it by
        return found

    monkeypatch.setattr(drifting, "look", looking)
    delivering.bring(cluster, now=later)

    assert row_of(cluster).due_at == later
    assert row_of(cluster).claimed_until is None


def test_who_was_seen_while_it_was_brought_has_it_looked_at_when_that_ends(
    fake: FakeCluster, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(bring_policies, "apply_async", lambda args, **_: asked.append(*args))
    bring_policies(cluster.pk)
    assert asked == []
    bring_soon(cluster.pk)
    monkeypatch.setattr(
        drifting, "look", lambda *_: drifting.Drift() if bring_soon(cluster.pk) else None
    )

    bring_policies(cluster.pk)

    assert asked == [cluster.pk]


def test_who_meddles_again_and_again_has_nobody_wait_for_what_he_took_away(
    fake: FakeCluster, cluster: Cluster
) -> None:
    delivering.bring(cluster, now=NOW)
    binding = next(r for r in fake.objects if r.kind == "ValidatingAdmissionPolicyBinding")
    later = NOW + delivering.LOOKED_AFTER + SECOND
    fake.delete(binding)
    fake.policies_act = False
    meddling = delivering.Delivery.objects.filter(cluster=cluster)
    create = fake.create

    def meddled(manifest: Any, *, dry_run: bool = False) -> Any:
        meddling.update(due_at=later)  # the watch saw somebody, while it is tried whether they act
        return create(manifest, dry_run=dry_run)

    fake.create = meddled  # type: ignore[method-assign]
    began = time.monotonic()
    delivering.bring(cluster, now=later)

    assert time.monotonic() - began < delivering.WITHIN.total_seconds() / 4
    row = row_of(cluster)
    assert "put back, and brought again, now" in row.message
    assert (row.in_force, row.claimed_until, row.due_at) == (False, None, later)

    # Who is seen the second time is named as well, though what he took was not seen to act in between.
    fake.create = create  # type: ignore[method-assign]
    fake.policies_act = True
    Cluster.objects.update(base_put_back="")
    fake.delete(binding)
    delivering.bring(cluster, now=later)
    cluster.refresh_from_db()
    assert "(it was gone)" in cluster.base_put_back
    assert row_of(cluster).in_force is True


def test_a_new_policy_goes_out_at_once(fake: FakeCluster, cluster: Cluster) -> None:
    delivering.bring(cluster, now=NOW)
    policy(deny=[{"registry": "evil.example"}])

    assert delivering.bring(cluster, now=NOW + SECOND)
    assert row_of(cluster).version == 2


def test_a_new_namespace_is_a_new_thing_to_bring(fake: FakeCluster, cluster: Cluster) -> None:
    delivering.bring(cluster, now=NOW)
    NamespaceFactory(name="another", cluster=cluster, team=TeamFactory())

    assert delivering.bring(cluster, now=NOW + SECOND)


def test_where_the_webhook_is_comes_into_the_cluster_and_goes_while_it_stands_down(
    fake: FakeCluster, cluster: Cluster
) -> None:
    assert delivering.webhook_at(cluster, WEBHOOK)
    assert not delivering.webhook_at(cluster, WEBHOOK)
    delivering.bring(cluster, now=NOW)
    assert fake.get(delivery.CONFIGURATION) is not None

    until = NOW + timedelta(hours=1)
    services.stand_down(
        cluster=cluster, until=until, by=platform_admin(), reason="it fails", now=NOW
    )
    delivering.bring(cluster, now=NOW + SECOND)
    assert fake.get(delivery.CONFIGURATION) is None

    delivering.bring(cluster, now=until + SECOND)
    assert fake.get(delivery.CONFIGURATION) is not None


@pytest.mark.parametrize(
    "client",
    [
        {},
        {"url": "http://10.0.0.1/", "caBundle": AUTHORITY},
        {**WEBHOOK, "service": {"name": "a", "namespace": "b"}},
        {"url": WEBHOOK["url"]},
        {**WEBHOOK, "caBundle": "!"},
        "https://10.0.0.1/",
    ],
)
def test_a_webhook_that_no_api_server_could_call_or_believe_is_refused(
    cluster: Cluster, client: Any
) -> None:
    with pytest.raises(DomainError):
        delivering.webhook_at(cluster, client)


def test_a_cluster_that_takes_them_and_does_not_act_is_told_of_and_tried_again_later(
    fake: FakeCluster, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "WITHIN", timedelta(0))
    fake.policies_act = False

    assert delivering.bring(cluster, now=NOW)
    row = row_of(cluster)
    assert row.in_force is False
    assert row.version is None
    assert "did not deny a Pod" in row.message

    assert not delivering.bring(cluster, now=NOW + SECOND)
    fake.policies_act = True
    assert delivering.bring(cluster, now=NOW + delivering.AGAIN_AFTER)
    assert row_of(cluster).in_force is True


def test_a_cluster_that_refuses_one_is_told_of_by_its_own_words(
    fake: FakeCluster, cluster: Cluster
) -> None:
    fake.refusals["apply", "ValidatingAdmissionPolicy"] = refused(403, {"message": "not by you"})

    delivering.bring(cluster, now=NOW)

    assert "not by you" in row_of(cluster).message
    assert row_of(cluster).claimed_until is None


def test_a_cluster_is_brought_them_by_one_at_a_time(fake: FakeCluster, cluster: Cluster) -> None:
    Delivery.objects.create(cluster=cluster, claimed_until=NOW + MINUTE)

    assert not delivering.bring(cluster, now=NOW)
    assert fake.calls == []

    delivering.release_claims()
    assert delivering.bring(cluster, now=NOW)


def test_a_claim_of_a_worker_that_is_gone_ends_by_itself(
    fake: FakeCluster, cluster: Cluster
) -> None:
    Delivery.objects.create(cluster=cluster, claimed_until=NOW - SECOND)

    assert delivering.bring(cluster, now=NOW)


def test_a_delivery_broken_off_goes_on_routing_what_was_routed(fake: FakeCluster) -> None:
    cluster = ClusterFactory()
    delivering.webhook_at(cluster, WEBHOOK)
    delivering.bring(cluster, now=NOW)
    old = {"name": "proof.pods.images.argosy.dev", "rules": ["as before"], "clientConfig": {}}
    fake.patch(delivery.CONFIGURATION, {"webhooks": [old]})
    delivering.release_claims()
    fake.policies_act = False

    for _ in range(2):
        with pytest.raises(delivery.NotInForce):
            delivery.deliver(fake, _held(cluster), within=0.0)

        entries = (fake.get(delivery.CONFIGURATION) or {})["webhooks"]
        (kept,) = [each for each in entries if each["name"].startswith(delivery.BEFORE)]
        assert kept["rules"] == ["as before"]
        assert kept["clientConfig"] == WEBHOOK


def test_the_tasks_bring_every_cluster_its_own(fake: FakeCluster, cluster: Cluster) -> None:
    bring_policies(cluster.pk)
    bring_policies(cluster.pk + 1000)  # gone meanwhile

    assert row_of(cluster).in_force


def test_the_clock_looks_at_them_by_a_name_that_the_worker_knows() -> None:
    app.finalize()

    assert app.conf.beat_schedule["policies"]["task"] == look_at_policies.name


def test_the_probes_are_never_kept(fake: FakeCluster, cluster: Cluster) -> None:
    delivering.bring(cluster, now=NOW)

    assert not {ref_of(probe) for probe in probes.probes()} & fake.objects.keys()


def _held(cluster: Cluster) -> Any:
    from controlplane.policies import bundles
    from controlplane.policies.compile.cluster import held

    _, wanted = bundles.current(cluster, now=NOW)
    return held(wanted.documents, wanted.namespaces, client=WEBHOOK)
