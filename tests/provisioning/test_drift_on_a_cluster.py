"""What somebody changes behind our back is back within two seconds: the watch sees it, on a real cluster."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from controlplane.index.models import Watch
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest, Ref
from controlplane.processes.watch import Watcher
from provisioning import tasks
from tenants.models import TenantNamespace
from tests import watching

from .conftest import DEADLINE, Wanting, turns_until

pytestmark = pytest.mark.cluster

SOON = 2.0
until = partial(watching.until, within=DEADLINE)
NETWORKING, RBAC = "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1"


@pytest.fixture
def watcher(db: None, kube: KubeGateway) -> Iterator[Watcher]:
    ended = threading.Event()
    watcher = Watcher(ended, opening=lambda _: kube, seconds=30)
    yield watcher
    ended.set()
    watcher.stop()


@pytest.fixture
def watched(want: Wanting, watcher: Watcher) -> TenantNamespace:
    """A namespace that is Ready, with a watch that is in step."""
    namespace = turns_until(want(), "Ready")
    until(watcher, lambda: in_step(namespace))
    return namespace


def in_step(namespace: TenantNamespace) -> bool:
    rows = Watch.objects.filter(cluster=namespace.cluster, kind="Guard rails", in_step=True)
    return rows.exists()


def restored(watcher: Watcher, namespace: TenantNamespace, is_back: Callable[[], bool]) -> float:
    """Seconds until it is as it was: only turns that the watch made due are taken."""
    started = time.monotonic()
    while not is_back():
        assert time.monotonic() < started + DEADLINE, lines(namespace)
        watcher.nudger.step()
        tasks.reconcile_namespace(namespace.pk)
    return time.monotonic() - started


def lines(namespace: TenantNamespace) -> list[tuple[str, str]]:
    return list(namespace.turns.values_list("outcome", "message"))


def deleted(kube: KubeGateway, ref: Ref) -> None:
    kube.delete(ref)


def unlabelled(kube: KubeGateway, ref: Ref) -> None:
    kube.patch(ref, {"metadata": {"labels": {"argosy.dev/managed": None}}}, manager="somebody")


def edited(change: Manifest) -> Callable[[KubeGateway, Ref], None]:
    def edit(kube: KubeGateway, ref: Ref) -> None:
        kube.patch(ref, change, manager="kubectl-edit")

    return edit


TAMPERINGS = {
    "a network policy is deleted": ((NETWORKING, "NetworkPolicy", "default-deny"), "", deleted),
    "a network policy loses our label": (
        (NETWORKING, "NetworkPolicy", "default-deny"),
        "",
        unlabelled,
    ),
    "a quota is raised": (
        ("v1", "ResourceQuota", "team-quota"),
        "",
        edited({"spec": {"hard": {"pods": "9999"}}}),
    ),
    "a quota's key is taken away": (
        ("v1", "ResourceQuota", "team-quota"),
        "",
        edited({"spec": {"hard": {"pods": None}}}),
    ),
    "a limit range is deleted": (("v1", "LimitRange", "team-limits"), "", deleted),
    "a role is widened": (
        (RBAC, "Role", "argosy-viewer"),
        "",
        edited({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
    ),
    "an account is deleted": (("v1", "ServiceAccount", "workflow-runner"), "", deleted),
    "a namespace loses Pod Security": (
        ("v1", "Namespace", ""),
        None,
        edited({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}}),
    ),
    "the controller is scaled away": (
        ("apps/v1", "Deployment", "workflow-controller"),
        "-argo",
        edited({"spec": {"replicas": 0}}),
    ),
    "the controller's configuration is deleted": (
        ("v1", "ConfigMap", "workflow-controller-configmap"),
        "-argo",
        deleted,
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_what_is_changed_is_back_within_two_seconds(
    what: str,
    watcher: Watcher,
    watched: TenantNamespace,
    kube: KubeGateway,
    platform_kube: KubeGateway,
) -> None:
    (api_version, kind, name), suffix, tamper = TAMPERINGS[what]
    where = "" if suffix is None else f"{watched.name}{suffix}"
    ref = Ref(api_version, kind, where, name or watched.name)
    before = kube.get(ref)
    assert before is not None, f"the charts make no {ref}"

    # Not even the cluster's admin takes those labels off a namespace: only our own account could.
    tamper(platform_kube if kind == "Namespace" else kube, ref)
    took = restored(watcher, watched, lambda: as_it_was(kube.get(ref), before))

    assert took < SOON
    newest = watched.turns.first()
    assert newest is not None
    assert newest.message.startswith(f"Put back {kind} {ref.name}"), newest.message


def as_it_was(now: Manifest | None, before: Manifest) -> bool:
    kept = ("spec", "rules", "data")
    return now is not None and all(
        (
            *(now.get(part) == before.get(part) for part in kept),
            now["metadata"].get("labels") == before["metadata"].get("labels"),
        )
    )


def test_our_own_turns_make_nothing_due(
    watcher: Watcher, watched: TenantNamespace, kube: KubeGateway
) -> None:
    ref = Ref("v1", "ResourceQuota", watched.name, "team-quota")
    kube.patch(ref, {"spec": {"hard": {"pods": "9999"}}}, manager="kubectl-edit")
    restored(watcher, watched, lambda: kube.get(ref)["spec"]["hard"]["pods"] != "9999")  # type: ignore[index]
    turns_until(watched, "Ready")
    assert watcher.nudger.step() == 0  # in all the time that it waits for news


def test_a_watch_that_lost_its_place_finds_what_was_changed_meanwhile(
    watcher: Watcher,
    watched: TenantNamespace,
    kube: KubeGateway,
    forget_the_past: Callable[[], None],
) -> None:
    forget_the_past()
    ref = Ref(NETWORKING, "NetworkPolicy", watched.name, "default-deny")
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        try:
            kube.delete(ref)
            break
        except Exception:  # noqa: BLE001 - the API server is coming back
            time.sleep(0.05)

    restored(watcher, watched, lambda: kube.get(ref) is not None)
