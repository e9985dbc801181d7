"""Policies of ours that somebody deletes or edits are back at once, and told: on a real cluster."""

import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import yaml
from django.utils import timezone

from controlplane.clusters import services as clusters
from controlplane.clusters.models import Cluster
from controlplane.index.models import Watch
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest, Ref
from controlplane.policies import delivering, delivery
from controlplane.policies.models import Delivery
from controlplane.policies.tasks import bring_policies
from controlplane.processes.watch import Watcher
from localcluster.clusters import RunningCluster
from provisioning import base, tasks
from tests import watching
from tests.factories import ClusterFactory

pytestmark = [pytest.mark.cluster, pytest.mark.django_db]

DEADLINE = 60.0
LOOP_SECONDS = 8.0
until = partial(watching.until, within=DEADLINE)
ADMISSION = "admissionregistration.k8s.io/v1"
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
LABELS = Ref(ADMISSION, POLICY, "", "argosy-namespace-labels")
IMAGES = Ref(ADMISSION, POLICY, "", "argosy-images-pods")
AUTHORITY = b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()
AWAY = {"url": "https://127.0.0.1:1/review", "caBundle": AUTHORITY}
NARROWED = {"spec": {"matchConstraints": {"objectSelector": {"matchLabels": {"a": "b"}}}}}
TOLD_ONLY = {"spec": {"validationActions": ["Warn"]}}


@pytest.fixture
def admin(local_cluster: RunningCluster) -> KubeGateway:
    """Somebody of the cluster's own."""
    return KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))


@pytest.fixture(scope="module", autouse=True)
def _rules_go(local_cluster: RunningCluster) -> Iterator[None]:
    """The image policies are brought once, for an API server that learns them works for seconds."""
    yield
    config = yaml.safe_load(local_cluster.kubeconfig.read_text())
    delivery.withdraw(KubeGateway.from_kubeconfig(config))


@pytest.fixture
def cluster(platform_kubeconfig: Path) -> Cluster:
    """The real one with all that the platform brings, and a webhook that answers nobody."""
    text = platform_kubeconfig.read_text()
    row = clusters.register(name="guarded", kubeconfig_text=text, simulated=True)
    base.tend(row)
    delivering.webhook_at(row, AWAY)
    delivering.bring(row, now=timezone.now())
    assert Delivery.objects.get().in_force, Delivery.objects.get().message
    return row


@pytest.fixture
def other() -> Cluster:
    """Another cluster of the platform's, at which nobody does anything."""
    now = timezone.now()
    row = ClusterFactory(name="elsewhere", reachable=False, base_checked_at=now)
    Delivery.objects.create(cluster=row, due_at=now + timedelta(minutes=5))
    return row


@pytest.fixture
def watcher(cluster: Cluster, platform_kube: KubeGateway) -> Iterator[Watcher]:
    """A watch that is in step, with the role that the platform prints."""
    ended = threading.Event()
    watcher = Watcher(ended, opening=lambda _: platform_kube, seconds=30)
    guarded = Watch.objects.filter(cluster=cluster, kind="Policies", in_step=True)
    until(watcher, guarded.exists)
    yield watcher
    ended.set()
    watcher.stop()


def looks(watcher: Watcher, cluster: Cluster) -> int:
    """Take those looks at this cluster that the watch made due, as a worker would; gives how many."""
    watcher.nudger.step()
    cluster.refresh_from_db()
    now, taken = timezone.now(), 0
    if base.is_due(cluster, now=now):
        tasks.tend_base(cluster.pk, hurried=True)
        taken += 1
    if Delivery.objects.filter(cluster=cluster, due_at__lte=now).exists():
        bring_policies(cluster.pk)
        taken += 1
    return taken


def restored(watcher: Watcher, cluster: Cluster, is_back: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not is_back():
        assert time.monotonic() < deadline, list(Delivery.objects.values())
        looks(watcher, cluster)


def told(cluster: Cluster) -> str:
    cluster.refresh_from_db()
    return cluster.base_put_back


def as_it_was(now: Manifest | None, before: Manifest) -> bool:
    parts = ("spec", "webhooks")
    return now is not None and all(now.get(part) == before.get(part) for part in parts)


def deleted(admin: KubeGateway, ref: Ref) -> str:
    admin.delete(ref)
    return f"{ref.kind} {ref.name} (it was gone)"


def edited(change: Manifest) -> Callable[[KubeGateway, Ref], str]:
    def edit(admin: KubeGateway, ref: Ref) -> str:
        admin.patch(ref, change, manager="kubectl-edit")
        return f"{ref.kind} {ref.name} (changed by kubectl-edit"

    return edit


def forgiven(admin: KubeGateway, ref: Ref) -> str:
    entries = (admin.get(ref) or {})["webhooks"]
    change = {"webhooks": [{**entry, "failurePolicy": "Ignore"} for entry in entries]}
    return edited(change)(admin, ref)


def emptied(admin: KubeGateway, ref: Ref) -> str:
    admin.patch(ref, {"webhooks": []}, manager="kubectl-edit")
    return f"{ref.kind} {ref.name} (changed)"  # what is taken out leaves no name behind


TAMPERINGS = {
    "a policy of the base is deleted": (LABELS, deleted),
    "a binding of the base is deleted": (Ref(ADMISSION, BINDING, "", LABELS.name), deleted),
    "a policy of the base is narrowed": (LABELS, edited(NARROWED)),
    "a binding of the base only warns": (
        Ref(ADMISSION, BINDING, "", LABELS.name),
        edited(TOLD_ONLY),
    ),
    "an image policy is deleted": (IMAGES, deleted),
    "an image policy's binding is deleted": (Ref(ADMISSION, BINDING, "", IMAGES.name), deleted),
    "an image policy is narrowed": (IMAGES, edited(NARROWED)),
    "an image policy's binding only warns": (
        Ref(ADMISSION, BINDING, "", IMAGES.name),
        edited(TOLD_ONLY),
    ),
    "the webhook configuration is deleted": (delivery.CONFIGURATION, deleted),
    "the webhook is not missed when it is away": (delivery.CONFIGURATION, forgiven),
    "the webhook configuration is emptied": (delivery.CONFIGURATION, emptied),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_what_somebody_does_to_a_policy_is_undone_and_told(
    what: str, watcher: Watcher, cluster: Cluster, other: Cluster, admin: KubeGateway
) -> None:
    ref, tamper = TAMPERINGS[what]
    before = admin.get(ref)
    assert before is not None, f"nobody brought {ref}"
    there = Cluster.objects.values().get(pk=other.pk), Delivery.objects.values().get(cluster=other)

    said = tamper(admin, ref)
    restored(watcher, cluster, lambda: as_it_was(admin.get(ref), before))

    restored(watcher, cluster, lambda: said in told(cluster))
    now = Cluster.objects.values().get(pk=other.pk), Delivery.objects.values().get(cluster=other)
    assert now == there


def test_at_rest_no_look_is_due_and_nor_after_what_was_put_back(
    watcher: Watcher, cluster: Cluster, admin: KubeGateway
) -> None:
    assert looks(watcher, cluster) == 0

    for ref in (LABELS, IMAGES, delivery.CONFIGURATION):
        admin.delete(ref)
    restored(watcher, cluster, lambda: looks(watcher, cluster) == 0 and bool(told(cluster)))

    assert all(admin.get(ref) for ref in (LABELS, IMAGES, delivery.CONFIGURATION))
    assert looks(watcher, cluster) == 0  # in all the time that it waits for news


def test_who_deletes_a_policy_again_and_again_has_a_few_looks_and_it_is_back_in_the_end(
    watcher: Watcher, cluster: Cluster, admin: KubeGateway
) -> None:
    ended, deletions = threading.Event(), []

    def delete_all_the_time() -> None:
        while not ended.is_set():
            if admin.get(LABELS) is not None:
                admin.delete(LABELS)
                deletions.append(time.monotonic())

    mallory = threading.Thread(target=delete_all_the_time)
    mallory.start()
    taken, deadline = 0, time.monotonic() + LOOP_SECONDS
    while time.monotonic() < deadline:
        taken += looks(watcher, cluster)
    ended.set()
    mallory.join(DEADLINE)

    # As a namespace has them: ten at once, half a second apart, then one every five.
    assert 2 <= taken <= 12
    assert len(deletions) <= taken + 1
    restored(watcher, cluster, lambda: admin.get(LABELS) is not None)
