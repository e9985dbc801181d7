"""A look by the clock asks only where something may have changed, and there always."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.clusters.models import Cluster
from controlplane.kube.door import Connection
from controlplane.policies import delivering, delivery, keys, saying, services
from controlplane.policies.inputs import fingerprints
from controlplane.policies.models import Delivery, ImagePolicy
from controlplane.policies.tasks import bring_policies, look_at_policies
from tenants.models import TenantNamespace
from tests.controlplane.policies.test_delivering import WEBHOOK
from tests.factories import ClusterFactory, NamespaceFactory, TeamFactory, platform_admin, tier
from tests.fakes.cluster import FakeCluster
from tests.fakes.helm import FakeHelm
from tests.images import HARBOR, NOW, exempted, policy, signer

pytestmark = pytest.mark.django_db

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _clusters_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCluster()
    connection = Connection(kube=fake, helm=FakeHelm(fake, render=lambda *_: ()))
    monkeypatch.setattr(delivering, "connect", lambda _: connection)


@pytest.fixture
def here() -> TenantNamespace:
    return NamespaceFactory(name="payments")


@pytest.fixture
def there() -> TenantNamespace:
    return NamespaceFactory(name="elsewhere")


def waiting(at: datetime = NOW) -> set[int]:
    return {pk for pk, _ in delivering.waiting(at)}


def looked(at: datetime = NOW) -> None:
    """What the task of the clock does, and the worker after it."""
    for pk, inputs in delivering.waiting(at):
        delivering.bring(Cluster.objects.get(pk=pk), now=at, inputs=inputs)
    assert waiting(at) == set()


def changed(namespace: TenantNamespace, **values: Any) -> None:
    TenantNamespace.objects.filter(pk=namespace.pk).update(**values)


def stand_down(namespace: TenantNamespace, until: datetime = NOW + MINUTE) -> None:
    services.stand_down(
        cluster=namespace.cluster, until=until, by=platform_admin(), reason="it fails", now=NOW
    )


def audited(namespace: TenantNamespace) -> None:
    services.roll_out(
        team=namespace.team, mode="audit", by=platform_admin(), reason="to see first", now=NOW
    )


def revoked(_: TenantNamespace) -> None:
    key = signer().known("ci")
    policy(signature={"keys": ["ci"], "repositories": [HARBOR]})
    looked()
    keys.revoke(key, by=platform_admin(), now=NOW, reason="it leaked")


OF_ONE_CLUSTER: Mapping[str, Callable[[TenantNamespace], object]] = {
    "a policy of its team": lambda n: policy(scope="team", team=n.team, deny=[HARBOR]),
    "an exemption of its team": lambda n: exempted(n.team),
    "an exemption of its namespace": lambda n: exempted(n.team, namespace=n),
    "its team is in audit": audited,
    "another namespace": lambda n: NamespaceFactory(cluster=n.cluster),
    "a namespace went": lambda n: changed(n, deleted_at=NOW),
    "a namespace is of another team": lambda n: changed(n, team=TeamFactory()),
    "a namespace is of another tier": lambda n: changed(n, tier=tier("large")),
    "a stand-down": stand_down,
    "its webhook": lambda n: delivering.webhook_at(n.cluster, WEBHOOK),
}
OF_ALL: Mapping[str, Callable[[TenantNamespace], object]] = {
    "a policy of the platform": lambda _: policy(deny=[HARBOR]),
    "a policy of a tier": lambda _: policy(scope="tier", tier=tier(), deny=[HARBOR]),
    "a policy of control namespaces": lambda _: policy(scope="control", deny=[HARBOR]),
    "a policy of cluster-wide objects": lambda _: policy(scope="cluster", deny=[HARBOR]),
    "a policy fewer": lambda _: ImagePolicy.objects.first().delete(),  # type: ignore[union-attr]
    "a key is revoked": revoked,
}


@pytest.mark.parametrize("change", OF_ONE_CLUSTER.values(), ids=OF_ONE_CLUSTER.keys())
def test_what_changes_for_one_cluster_makes_that_one_wait_and_no_other(
    here: TenantNamespace, there: TenantNamespace, change: Callable[[TenantNamespace], object]
) -> None:
    looked()

    change(here)

    assert waiting() == {here.cluster_id}


@pytest.mark.parametrize("change", OF_ALL.values(), ids=OF_ALL.keys())
def test_what_changes_for_all_makes_all_of_them_wait(
    here: TenantNamespace, there: TenantNamespace, change: Callable[[TenantNamespace], object]
) -> None:
    looked()

    change(here)

    assert waiting() == {here.cluster_id, there.cluster_id}


def test_other_images_of_the_platforms_own_argo_are_news_for_all(
    here: TenantNamespace, settings: Any
) -> None:
    looked()

    settings.ARGO_VERSION = "v9.9.9"

    assert waiting() == {here.cluster_id}


def test_another_key_of_the_bundles_is_news_for_all(
    here: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked()

    monkeypatch.setattr("controlplane.policies.inputs.public_key", lambda: "another")

    assert waiting() == {here.cluster_id}


def test_everything_that_people_can_say_is_in_the_fingerprint() -> None:
    """A field that is new here must come into `inputs` first, and into a case above."""
    assert {each.name for each in fields(saying.Said)} == {
        "policies",
        "exemptions",
        "exempted_on",
        "audited",
        "keys",
        "revoked",
        "argo_images",
    }


def test_an_exemption_that_ends_by_the_clock_is_news_at_that_second(
    here: TenantNamespace, there: TenantNamespace
) -> None:
    exemption = exempted(here.team, days=1)
    just_before = exemption.not_after - SECOND
    looked(just_before)

    assert waiting(just_before) == set()
    assert waiting(exemption.not_after) == {here.cluster_id}


def test_a_stand_down_that_ends_by_the_clock_is_news_at_that_second(
    here: TenantNamespace, there: TenantNamespace
) -> None:
    stand_down(here, until=NOW + MINUTE)
    looked(NOW + MINUTE - SECOND)

    assert waiting(NOW + MINUTE) == {here.cluster_id}


def test_a_cluster_that_is_new_waits_and_so_does_one_that_is_due(here: TenantNamespace) -> None:
    assert waiting() == {here.cluster_id}
    looked()

    assert waiting(NOW + delivering.LOOKED_AFTER - SECOND) == set()
    assert waiting(NOW + delivering.LOOKED_AFTER) == {here.cluster_id}


def test_what_changes_while_a_cluster_is_brought_something_is_found_by_the_next_look(
    here: TenantNamespace,
) -> None:
    ((pk, inputs),) = delivering.waiting(NOW)
    policy(deny=[HARBOR])  # after the look, before the worker: it knows more than it was sent for
    delivering.bring(here.cluster, now=NOW, inputs=inputs)

    assert waiting() == {pk}
    looked()


def test_a_cluster_that_somebody_is_at_is_left_to_him_and_found_again_after(
    here: TenantNamespace,
) -> None:
    looked()
    policy(deny=[HARBOR])
    Delivery.objects.update(claimed_until=NOW + MINUTE)

    assert waiting() == set()
    assert not delivering.bring(here.cluster, now=NOW, inputs="newer")
    assert waiting(NOW + MINUTE + SECOND) == {here.cluster_id}


def test_one_that_failed_waits_for_its_next_turn_and_not_for_every_look(
    here: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise delivery.NotInForce("away")

    monkeypatch.setattr(delivery, "deliver", away)
    for pk, inputs in delivering.waiting(NOW):
        delivering.bring(Cluster.objects.get(pk=pk), now=NOW, inputs=inputs)

    assert waiting(NOW + SECOND) == set()
    assert waiting(NOW + delivering.AGAIN_AFTER) == {here.cluster_id}


def test_a_platform_that_starts_anew_looks_at_all_of_them_once(here: TenantNamespace) -> None:
    looked()

    delivering.release_claims()

    assert waiting() == {here.cluster_id}
    looked()


def test_many_clusters_cost_the_queries_of_one(django_assert_max_num_queries: Any) -> None:
    NamespaceFactory()
    fingerprints(NOW)
    with django_assert_max_num_queries(9) as few:
        fingerprints(NOW)
    for _ in range(10):
        exempted(NamespaceFactory().team)

    with django_assert_max_num_queries(9) as many:
        fingerprints(NOW)

    assert len(many) == len(few)


def test_the_clock_sends_a_task_for_those_that_wait_alone(
    here: TenantNamespace, there: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(bring_policies, "apply_async", lambda args, **_: sent.append(args))
    look_at_policies()
    assert {pk for pk, _ in sent} == {here.cluster_id, there.cluster_id}
    for args in sent:
        bring_policies(*args)
    sent.clear()
    look_at_policies()
    assert sent == []

    exempted(there.team, now=NOW)
    ClusterFactory()
    look_at_policies()

    assert len(sent) == 2
