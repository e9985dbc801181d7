"""Rows equal the list, on a real API server, whatever happens to it while they are made."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial

import pytest
import yaml
from django.utils import timezone

from controlplane.index.entries import version_of
from controlplane.index.kinds import KINDS, WHOLES
from controlplane.index.models import QuotaUse, Watch, Workflow
from controlplane.kube.errors import Conflict, Refused, Unreachable
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest, Ref, ref_of
from controlplane.processes.watch import Watcher
from localcluster.clusters import RunningCluster
from tenants.models import TenantNamespace
from tests import watching
from tests.factories import NamespaceFactory

pytestmark = [pytest.mark.cluster, pytest.mark.django_db]

DEADLINE = 90.0
until = partial(watching.until, within=DEADLINE)
WATCHES = len(KINDS) + len(WHOLES)
MADE = 200
LOOK_EVERY = 0.05
RUNNING = {"status": {"phase": "Running", "progress": "1/2"}}
ARGO = "argoproj.io/v1alpha1"


@pytest.fixture
def kube(local_cluster: RunningCluster) -> KubeGateway:
    return KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))


@pytest.fixture
def namespace(kube: KubeGateway) -> Iterator[TenantNamespace]:
    """A namespace of ours, there and in the database."""
    name = f"index-{uuid.uuid4().hex[:8]}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    kube.apply(manifest)
    yield NamespaceFactory(name=name, begun_at=timezone.now())
    kube.delete(ref_of(manifest))


@pytest.fixture
def watcher(platform_kube: KubeGateway) -> Iterator[Watcher]:
    ended = threading.Event()
    watcher = Watcher(ended, opening=lambda _: platform_kube, seconds=30)
    yield watcher
    ended.set()
    watcher.stop()


def insistently(act: Callable[[], object]) -> None:
    """Do it, however long the API server is away; done already is done."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        with suppress(Unreachable, Refused):
            with suppress(Conflict):
                act()
            return
        time.sleep(LOOK_EVERY)
    pytest.fail("the API server did not come back")


def nightly(namespace: TenantNamespace, number: int) -> Manifest:
    return {
        "apiVersion": ARGO,
        "kind": "Workflow",
        "metadata": {"name": f"w-{number}", "namespace": namespace.name},
        "spec": {"workflowTemplateRef": {"name": "nightly"}},
    }


def rows_of(namespace: TenantNamespace) -> dict[str, tuple[str, int]]:
    rows = Workflow.objects.filter(namespace=namespace)
    return {row.name: (row.phase, row.resource_version) for row in rows}


def listed(kube: KubeGateway, namespace: TenantNamespace) -> dict[str, tuple[str, int]]:
    return {
        w["metadata"]["name"]: (
            (w.get("status") or {}).get("phase", ""),
            version_of(w["metadata"]["resourceVersion"]),
        )
        for w in kube.list(ARGO, "Workflow", namespace.name)
    }


def test_rows_equal_the_list_though_the_api_server_lost_its_memory_in_between(
    watcher: Watcher,
    kube: KubeGateway,
    namespace: TenantNamespace,
    forget_the_past: Callable[[], None],
) -> None:
    refs = [ref_of(nightly(namespace, number)) for number in range(MADE)]

    def live() -> None:
        for number in range(MADE):
            insistently(lambda n=number: kube.create(nightly(namespace, n)))
            if number == MADE // 2:
                forget_the_past()
            if number % 2:
                insistently(lambda r=refs[number]: kube.patch(r, RUNNING))
        for ref in refs[::3]:
            insistently(lambda r=ref: kube.delete(r))

    until(watcher, lambda: Watch.objects.filter(in_step=True).count() == WATCHES)
    life = threading.Thread(target=live)
    life.start()
    until(watcher, lambda: not life.is_alive())

    wanted = listed(kube, namespace)
    until(watcher, lambda: rows_of(namespace) == wanted)
    assert len(wanted) == MADE - len(refs[::3])
    assert {phase for phase, _ in wanted.values()} == {"", "Running"}
    assert set(Workflow.objects.values_list("template", flat=True)) == {"nightly"}
    until(watcher, lambda: Watch.objects.filter(in_step=True).count() == WATCHES)


def test_a_cluster_where_nothing_happens_is_heard_at_the_end_of_every_stream(
    platform_kube: KubeGateway, namespace: TenantNamespace
) -> None:
    ended = threading.Event()
    watcher = Watcher(ended, opening=lambda _: platform_kube, seconds=2)
    heard = Watch.objects.filter(cluster=namespace.cluster, kind="Workflow")

    until(watcher, heard.exists)
    first = heard.get().heard_at
    assert first is not None
    until(watcher, lambda: (heard.get().heard_at or first) > first)
    second = heard.get()
    until(watcher, lambda: heard.get().heard_at != second.heard_at)

    assert second.follows
    ended.set()
    watcher.stop()


def test_a_quota_is_followed_as_the_cluster_counts_it(
    watcher: Watcher, kube: KubeGateway, namespace: TenantNamespace
) -> None:
    meta = {"namespace": namespace.name, "labels": {"argosy.dev/managed": "true"}}
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "team-quota", **meta},
            "spec": {"hard": {"configmaps": "10"}},
        }
    )

    def used() -> str:
        row = QuotaUse.objects.filter(namespace=namespace).first()
        return row.used.get("configmaps", "") if row else ""

    before = until(watcher, lambda: used() != "") or int(used())
    name = {"name": "one-more", "namespace": namespace.name}
    kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name})

    until(watcher, lambda: int(used()) > before)
    seen = QuotaUse.objects.get(namespace=namespace)
    assert seen.hard == {"configmaps": "10"}
    assert isinstance(seen.seen_at, datetime)
    kube.delete(Ref("v1", "ResourceQuota", namespace.name, "team-quota"))
    until(watcher, lambda: not QuotaUse.objects.filter(namespace=namespace).exists())
