"""The watcher: every cluster followed by itself, noticed when it comes and goes, and ended at once."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.index.kinds import KINDS, STREAMS, WHOLES
from controlplane.index.models import Cron, QuotaUse, Watch, Workflow
from controlplane.index.places import WHOLE
from controlplane.kube.door import Listing
from controlplane.objects import ref_of
from controlplane.policies.models import Delivery
from controlplane.processes import embedded, nudging, watch
from controlplane.processes.nudging import Nudger
from controlplane.processes.watch import STOPPED, Watcher
from provisioning import base
from tenants.models import TenantNamespace
from tests import watching
from tests.factories import ClusterFactory, NamespaceFactory
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db

DEADLINE = 10.0
until = partial(watching.until, within=DEADLINE)
WATCHES = len(KINDS) + len(WHOLES)


class Fleet(dict[str, FakeCluster]):
    """The clusters behind the names, each with the namespace `payments`."""

    def add(self, cluster: Cluster, fake: FakeCluster | None = None) -> FakeCluster:
        fake = self[cluster.sealed_kubeconfig] = fake or FakeCluster()
        fake.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}})
        return fake

    def open(self, cluster: Cluster) -> FakeCluster:
        try:
            return self[cluster.sealed_kubeconfig]
        except KeyError as exc:
            raise DomainError("its kubeconfig cannot be opened") from exc


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def watcher(fleet: Fleet) -> Iterator[Watcher]:
    ended = threading.Event()
    watcher = Watcher(ended, opening=fleet.open, look_every=0, seconds=1)
    yield watcher
    ended.set()
    watcher.stop()
    for fake in fleet.values():
        fake.unreachable = True
        fake.wake()


def made(name: str = "payments") -> TenantNamespace:
    cluster = ClusterFactory(sealed_kubeconfig=f"sealed-{Cluster.objects.count()}")
    return NamespaceFactory(name=name, cluster=cluster, begun_at=timezone.now())


def hello(name: str = "hello") -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "namespace": "payments"},
        "spec": {},
    }


def names(cluster: Cluster) -> set[str]:
    return set(Workflow.objects.filter(namespace__cluster=cluster).values_list("name", flat=True))


def in_step(cluster: Cluster) -> bool:
    rows = Watch.objects.filter(cluster=cluster)
    return [row.in_step for row in rows] == [True] * WATCHES


def test_what_is_there_and_what_comes_after_are_rows(watcher: Watcher, fleet: Fleet) -> None:
    namespace = made()
    fake = fleet.add(namespace.cluster)
    fake.create(hello("before"))
    until(watcher, lambda: in_step(namespace.cluster))

    fake.create(hello("after"))
    fake.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {
                "name": "team-quota",
                "namespace": "payments",
                "labels": {"argosy.dev/managed": "true"},
            },
            "spec": {"hard": {"pods": "10"}},
        }
    )

    fake.create({**hello("nightly"), "kind": "CronWorkflow", "spec": {"schedules": ["@daily"]}})

    until(watcher, lambda: names(namespace.cluster) == {"before", "after"})
    until(watcher, Cron.objects.exists)
    assert Cron.objects.get().manifest["spec"]["schedules"] == ["@daily"]
    until(watcher, QuotaUse.objects.exists)
    assert QuotaUse.objects.get().used == {"pods": "0"}


def quota(pods: str = "10") -> dict[str, Any]:
    meta = {"name": "team-quota", "namespace": "payments", "labels": {"argosy.dev/managed": "true"}}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": meta,
        "spec": {"hard": {"pods": pods}},
    }


def test_what_somebody_else_changes_is_due_at_once_and_what_we_change_is_not(
    watcher: Watcher, fleet: Fleet
) -> None:
    namespace = made()
    later = timezone.now() + timedelta(minutes=5)
    rows = TenantNamespace.objects.filter(pk=namespace.pk)
    rows.update(applied_at=timezone.now(), next_reconcile_at=later)
    fake = fleet.add(namespace.cluster)
    fake.apply(quota())
    until(watcher, lambda: in_step(namespace.cluster))

    fake.apply(quota("20"))  # by us
    until(watcher, lambda: QuotaUse.objects.filter(hard={"pods": "20"}).exists())
    assert len(watcher.nudger) == 0

    fake.patch(ref_of(quota()), {"spec": {"hard": {"pods": "99"}}}, manager="kubectl-edit")
    until(watcher, lambda: len(watcher.nudger) == 1)
    assert watcher.nudger.step() == 1
    assert rows.get().next_reconcile_at <= timezone.now()


ADMISSION = "admissionregistration.k8s.io/v1"


def policy(name: str) -> dict[str, Any]:
    labels = {"argosy.dev/managed": "true"}
    return {
        "apiVersion": ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": labels},
        "spec": {"failurePolicy": "Fail"},
    }


def looked_at(cluster: Cluster) -> tuple[datetime | None, datetime | None]:
    """Until when the looks at what holds on all of it were put off."""
    due = Delivery.objects.get(cluster=cluster).due_at
    return Cluster.objects.get(pk=cluster.pk).base_checked_at, due


def put_off(cluster: Cluster) -> Cluster:
    now = timezone.now()
    Cluster.objects.filter(pk=cluster.pk).update(base_checked_at=now)
    Delivery.objects.create(cluster=cluster, due_at=now + timedelta(minutes=5))
    return cluster


def test_who_deletes_a_policy_makes_the_look_due_that_finds_it_on_that_cluster_alone(
    watcher: Watcher, fleet: Fleet
) -> None:
    here, elsewhere = put_off(made().cluster), put_off(made().cluster)
    fake = fleet.add(here)
    fleet.add(elsewhere).apply(policy("argosy-namespace-labels"))
    for name in ("argosy-namespace-labels", "argosy-images-pods"):
        fake.apply(policy(name))
    until(watcher, lambda: in_step(here) and in_step(elsewhere))
    before, quiet = looked_at(here), looked_at(elsewhere)

    fake.delete(ref_of(policy("argosy-namespace-labels")))
    until(watcher, lambda: len(watcher.nudger) == 1)
    assert watcher.nudger.step() == 1
    here.refresh_from_db()
    assert base.is_due(here, now=timezone.now())
    assert looked_at(here)[1] == before[1]  # nobody touched the image policies

    change = {"spec": {"failurePolicy": "Ignore"}}
    fake.patch(ref_of(policy("argosy-images-pods")), change, manager="kubectl-edit")
    until(watcher, lambda: len(watcher.nudger) == 1)
    assert watcher.nudger.step() == 1
    assert (looked_at(here)[1] or before[1]) <= timezone.now()
    assert looked_at(elsewhere) == quiet


def test_policies_that_we_bring_make_no_look_due(watcher: Watcher, fleet: Fleet) -> None:
    cluster = put_off(made().cluster)
    fake = fleet.add(cluster)
    until(watcher, lambda: in_step(cluster))

    fake.apply(policy("argosy-images-pods"))
    fake.create(hello("after"))

    until(watcher, lambda: names(cluster) == {"after"})
    assert len(watcher.nudger) == 0


def test_a_cluster_that_was_removed_meanwhile_is_looked_at_by_nobody() -> None:
    nudger = Nudger()
    nudger.add(12_345, WHOLE)

    assert nudger.step() == 0


def test_what_is_still_coming_up_or_paused_is_left_to_its_own_schedule() -> None:
    later = timezone.now() + timedelta(minutes=5)
    coming, held = made("coming"), made("held")
    TenantNamespace.objects.update(next_reconcile_at=later)
    TenantNamespace.objects.filter(pk=held.pk).update(applied_at=later, paused=True)
    nudger = Nudger()
    nudger.add(coming.cluster_id, {"coming", "not-ours"})
    nudger.add(held.cluster_id, {"held-argo"})

    assert nudger.step() == 0
    assert {row.next_reconcile_at for row in TenantNamespace.objects.all()} == {later}


def test_a_change_in_the_control_namespace_is_the_same_namespaces() -> None:
    namespace = made()
    TenantNamespace.objects.update(applied_at=timezone.now())
    nudger = Nudger()
    nudger.add(namespace.cluster_id, {"payments", "payments-argo"})

    assert len(nudger) == 1
    assert nudger.step() == 1


def test_a_database_that_is_away_loses_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = made()
    TenantNamespace.objects.update(applied_at=timezone.now())
    nudger = Nudger()
    nudger.add(namespace.cluster_id, {"payments"})
    monkeypatch.setattr(nudging, "AGAIN_AFTER", 0)
    with monkeypatch.context() as away:
        away.setattr(nudging.services, "nudge_changed", Mock(side_effect=OperationalError("away")))
        assert nudger.step() == 0

    assert len(nudger) == 1


def test_clusters_that_come_and_go_are_noticed(watcher: Watcher, fleet: Fleet) -> None:
    first, second = made(), made()
    fleet.add(first.cluster).create(hello("one"))
    until(watcher, lambda: names(first.cluster) == {"one"})
    assert "cannot be opened" in Watch.objects.filter(cluster=second.cluster)[0].message

    fleet.add(second.cluster).create(hello("two"))
    until(watcher, lambda: names(second.cluster) == {"two"})

    gone = second.cluster
    second.delete()
    gone.delete()
    watcher.step()
    until(watcher, lambda: followers_of(gone) == 0)
    assert followers_of(first.cluster) == len(STREAMS)


def followers_of(cluster: Cluster) -> int:
    return len([t for t in threading.enumerate() if t.name.endswith(f" on {cluster.name}")])


def test_a_new_credential_is_used(watcher: Watcher, fleet: Fleet) -> None:
    namespace = made()
    fleet.add(namespace.cluster).create(hello("old"))
    until(watcher, lambda: names(namespace.cluster) == {"old"})

    namespace.cluster.sealed_kubeconfig = "sealed-anew"
    fleet.add(namespace.cluster).create(hello("new"))
    namespace.cluster.save()

    until(watcher, lambda: names(namespace.cluster) == {"new"})


def test_a_cluster_that_hangs_holds_up_nobody(watcher: Watcher, fleet: Fleet) -> None:
    answers = threading.Event()

    class Hanging(FakeCluster):
        def list_from(self, *args: Any, **kwargs: Any) -> Listing:
            answers.wait(DEADLINE)
            return super().list_from(*args, **kwargs)

    hanging, well = made(), made()
    fleet.add(hanging.cluster, Hanging())
    fleet.add(well.cluster).create(hello())

    until(watcher, lambda: names(well.cluster) == {"hello"})

    assert not in_step(hanging.cluster)
    answers.set()


def test_a_cluster_that_falls_is_told_and_comes_back(watcher: Watcher, fleet: Fleet) -> None:
    namespace = made()
    fake = fleet.add(namespace.cluster)
    until(watcher, lambda: in_step(namespace.cluster))

    fake.unreachable = True
    fake.wake()
    until(watcher, lambda: not Watch.objects.filter(in_step=True).exists())
    assert "cannot be reached" in Watch.objects.all()[0].message

    fake.unreachable = False
    until(watcher, lambda: in_step(namespace.cluster))


def test_a_database_that_is_away_for_a_while_costs_nothing(
    watcher: Watcher, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = made()
    fleet.add(namespace.cluster).create(hello())
    failures = iter([True, True])
    write = watch.write

    def sometimes(*args: Any, **kwargs: Any) -> None:
        if next(failures, False):
            raise OperationalError("database is locked")
        write(*args, **kwargs)

    monkeypatch.setattr(watch, "write", sometimes)
    monkeypatch.setattr(watch, "AGAIN_AFTER", 0)

    until(watcher, lambda: names(namespace.cluster) == {"hello"})


def test_it_ends_at_once_and_says_so(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = made()
    ended = threading.Event()

    class Ending(FakeCluster):
        def watch(self, *args: Any, **kwargs: Any) -> Any:
            stream = super().watch(*args, **kwargs)
            ended.set()
            return stream

    fake = fleet.add(namespace.cluster, Ending())
    monkeypatch.setattr(watch, "open_cluster", fleet.open)
    monkeypatch.setattr(watch.connections, "close_all", lambda: None)
    started = time.monotonic()

    watch.run(ended)

    assert time.monotonic() - started < 3
    assert {row.message for row in Watch.objects.all()} == {STOPPED}
    assert not Watch.objects.filter(in_step=True).exists()
    fake.unreachable = True
    fake.wake()


def test_the_process_ends_when_it_is_told_to(tmp_path: Path) -> None:
    env = {**os.environ, "ARGOSY_HOME": str(tmp_path), "ARGOSY_LOG_LEVEL": "INFO"}
    env["DJANGO_SETTINGS_MODULE"] = "controlplane.settings"
    subprocess.run([sys.executable, "-m", "controlplane.cli", "migrate"], env=env, check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "controlplane.cli", "watch"],
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        assert "the watch has begun" in process.stderr.readline()
        process.terminate()
        _, said = process.communicate(timeout=DEADLINE)

    assert process.returncode == 0
    assert "the watch has ended" in said


class Idle:
    """A worker or a scheduler with nothing to do."""

    def start(self, **_: object) -> None: ...
    def stop(self) -> None: ...


def test_in_embedded_mode_the_one_process_watches_too(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    ended: list[threading.Event] = []

    def run(until: threading.Event) -> None:
        ended.append(until)
        begun.set()
        until.wait(DEADLINE)

    monkeypatch.setattr(watch, "run", run)
    for other in ("WorkController", "Service"):
        monkeypatch.setattr(embedded, other, lambda *_, **__: Idle())

    with embedded.background_work():
        assert begun.wait(DEADLINE)
        assert not ended[0].is_set()

    assert ended[0].is_set()
