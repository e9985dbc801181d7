"""A workflow through the pages, on a real API server: nodes are simulated, and a player is its controller."""

import re
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from controlplane.clusters import services as clusters
from controlplane.index.models import Cron
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest, Ref
from controlplane.processes.watch import Watcher
from localcluster.clusters import RunningCluster
from tenants.models import TenantNamespace
from tests import watching
from tests.factories import NamespaceFactory, TeamFactory, member_of, viewer_of
from tests.player import Player

pytestmark = [pytest.mark.django_db, pytest.mark.cluster]

DEADLINE = 90.0
until = partial(watching.until, within=DEADLINE)
RBAC = "rbac.authorization.k8s.io/v1"
TEMPLATE = {
    "arguments": {"parameters": [{"name": "day"}, {"name": "region", "enum": ["eu", "us"]}]},
    "entrypoint": "main",
    "templates": [{"name": "main", "suspend": {}}],
}


@pytest.fixture
def kube(local_cluster: RunningCluster) -> KubeGateway:
    return KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))


@pytest.fixture
def namespace(platform_kubeconfig: Path, kube: KubeGateway) -> Iterator[TenantNamespace]:
    """A namespace with a team's accounts, rights as the chart gives them, and a template."""
    name = f"pages-{uuid.uuid4().hex[:8]}"
    cluster = clusters.register(
        name="pages", kubeconfig_text=platform_kubeconfig.read_text(), simulated=True
    )
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for level, verbs in (
        ("viewer", ["get", "list", "watch"]),
        ("member", ["get", "list", "watch", "create", "patch"]),
    ):
        allow(kube, name, level, verbs)
    kube.apply(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "WorkflowTemplate",
            "metadata": {"name": "hello", "namespace": name},
            "spec": TEMPLATE,
        }
    )
    yield NamespaceFactory(
        name=name,
        team=TeamFactory(),
        cluster=cluster,
        begun_at=timezone.now(),
        applied_at=timezone.now(),
        phase="Ready",
    )
    kube.delete(Ref("v1", "Namespace", "", name))


def allow(kube: KubeGateway, namespace: str, level: str, verbs: list[str]) -> None:
    meta = {"name": f"argosy-{level}", "namespace": namespace}
    role: Manifest = {
        "apiVersion": RBAC,
        "kind": "Role",
        "metadata": meta,
        "rules": [{"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": verbs}],
    }
    account = {"kind": "ServiceAccount", "name": f"argo-{level}", "namespace": namespace}
    binding: Manifest = {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {
            "apiGroup": RBAC.split("/", maxsplit=1)[0],
            "kind": "Role",
            "name": f"argosy-{level}",
        },
        "subjects": [account],
    }
    kube.apply(role)
    kube.apply(binding)


def test_a_workflow_is_submitted_followed_to_its_end_and_submitted_again(
    namespace: TenantNamespace, kube: KubeGateway
) -> None:
    member, viewer = Client(), Client()
    backend = "django.contrib.auth.backends.ModelBackend"
    member.force_login(member_of(namespace.team), backend=backend)
    viewer.force_login(viewer_of(namespace.team), backend=backend)

    # The form of a template, a dry run, and the real thing.
    form = {
        "namespace": str(namespace.pk),
        "from": "template",
        "template": "hello",
        "p.day": "2026-01-01",
        "p.region": "us",
    }
    page = member.get("/workflows/submit/", {"namespace": namespace.pk, "template": "hello"})
    assert b'name="p.region"' in page.content
    checked = member.post("/workflows/submit/", form | {"do": "check"})
    assert b"Nothing was made yet" in checked.content
    submitted = member.post("/workflows/submit/", form | {"do": "submit"})
    (name,) = re.findall(r"/workflows/(hello-[a-z0-9]+)/", submitted["Location"])
    address = submitted["Location"]

    # Nobody has looked at it yet; then its controller does, step by step.
    assert "No step has started yet" in viewer.get(address).content.decode()
    story = Player.on_server(kube, namespace.name, name).begin()
    story.start("plan").end("plan").fan_out("extract", 12, after=("plan",))
    running = viewer.get(address).content.decode()
    assert "extract ×12" in running
    assert "12 running" in running
    assert "Pods on pages are simulated" in running
    assert "Terminate" not in running

    # Suspended and resumed by the member; the viewer is refused.
    assert viewer.post(f"{address}suspend/").status_code == 403
    assert "is suspended" in member.post(f"{address}suspend/", follow=True).content.decode()
    assert "is resumed" in member.post(f"{address}resume/", follow=True).content.decode()

    # To the end, where polling ends too.
    story.end(*(f"extract({i}:item-{i})" for i in range(12)), "extract").finish()
    ended = viewer.get(address).content.decode()
    assert "12 done" in ended
    assert "load delay" not in ended.replace('id="log"', "")
    assert member.post(f"{address}stop/").status_code == 409

    again = member.post(f"{address}resubmit/")
    assert again["Location"] != address
    assert "No step has started yet" in member.get(again["Location"]).content.decode()


@pytest.fixture
def watcher(platform_kube: KubeGateway) -> Iterator[Watcher]:
    ended = threading.Event()
    watcher = Watcher(ended, opening=lambda _: platform_kube, seconds=30)
    yield watcher
    ended.set()
    watcher.stop()


def test_a_schedule_is_listed_and_rests(
    namespace: TenantNamespace, kube: KubeGateway, watcher: Watcher
) -> None:
    cron = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "CronWorkflow",
        "metadata": {"name": "nightly", "namespace": namespace.name},
        "spec": {"schedules": ["0 6 * * *"], "workflowSpec": {}},
    }
    kube.apply(cron)
    member = Client()
    member.force_login(
        member_of(namespace.team), backend="django.contrib.auth.backends.ModelBackend"
    )

    until(watcher, Cron.objects.filter(namespace=namespace).exists)
    assert "At 06:00 every day" in member.get("/crons/").content.decode()
    rests = member.post(f"/crons/{namespace.pk}/nightly/suspend/", follow=True)

    assert "not while suspended" in rests.content.decode()
    found = kube.get(Ref("argoproj.io/v1alpha1", "CronWorkflow", namespace.name, "nightly"))
    assert found is not None
    assert found["spec"]["suspend"] is True

    # By then the watch has told the same, and what happens past the platform too.
    kube.delete(Ref("argoproj.io/v1alpha1", "CronWorkflow", namespace.name, "nightly"))
    until(watcher, lambda: not Cron.objects.filter(namespace=namespace).exists())
    assert "nightly" not in member.get("/crons/").content.decode()
