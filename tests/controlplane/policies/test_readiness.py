"""A namespace is Ready only once the rules on its images hold."""

from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.kube.door import Connection
from controlplane.kube.errors import Unreachable
from controlplane.policies import delivering
from controlplane.policies.models import Delivery
from controlplane.policies.readiness import image_rules
from provisioning import needs, status
from provisioning.desired import Desired
from provisioning.live import Live
from tenants.conditions import Status
from tenants.models import TenantNamespace
from tests.factories import NamespaceFactory
from tests.fakes.cluster import FakeCluster

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def namespace() -> TenantNamespace:
    return NamespaceFactory(name="payments")


def test_a_namespace_younger_than_its_clusters_rules_waits_for_them(
    fake: FakeCluster, namespace: TenantNamespace
) -> None:
    before = namespace.created_at - HOUR
    Delivery.objects.create(cluster=namespace.cluster, in_force=True, as_of=before)
    assert image_rules(namespace).status is Status.UNKNOWN

    delivering.bring(namespace.cluster, now=timezone.now())

    assert image_rules(namespace).status is Status.TRUE


def test_who_waited_for_the_rules_has_a_turn_as_soon_as_they_act(
    fake: FakeCluster, namespace: TenantNamespace
) -> None:
    later = timezone.now() + HOUR
    rows = TenantNamespace.objects.filter(pk=namespace.pk)
    rows.update(observed_generation=1, ready_at=None, next_reconcile_at=later)

    delivering.bring(namespace.cluster, now=timezone.now())

    assert rows.wanting(timezone.now()).exists()


def test_a_cluster_that_does_not_take_the_rules_is_the_reason_in_its_own_words(
    namespace: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> Connection:
        raise Unreachable("The cluster does not answer")

    monkeypatch.setattr(delivering, "connect", away)

    delivering.bring(namespace.cluster, now=timezone.now())

    found = image_rules(namespace)
    assert (found.status, found.reason) == (Status.FALSE, "NotInForce")
    assert "does not answer" in found.message


def test_rules_that_acted_once_are_not_doubted_when_newer_ones_fail(
    fake: FakeCluster, namespace: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivering.bring(namespace.cluster, now=timezone.now())
    Delivery.objects.update(in_force=False, message="The cluster does not answer.")

    assert image_rules(namespace).status is Status.TRUE


def test_whatever_others_bring_is_part_of_ready(namespace: TenantNamespace) -> None:
    Delivery.objects.create(cluster=namespace.cluster)

    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}}
    report = status.summarise(
        namespace.spec(), Desired(namespaces=(made,)), Live(), (), needs.of(namespace)
    )

    assert "ImageRulesReady" in {condition.type for condition in report.conditions}
    assert report.ready.status is not Status.TRUE
