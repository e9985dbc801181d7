"""How soon what somebody changed is as it was: `make bench`.

The platform as `argosy up` runs it, on a real API server. Each sample is the time from sending the request
that changes or deletes an object to the event of the cluster's own watch that shows it restored: one
namespace at a time, then twenty at the same moment. Then somebody's loop of changes: how many turns it can
have. Prints JSON and keeps it.
"""

import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benches.kept import keep

if __name__ == "__main__":
    os.environ |= {
        "ARGOSY_HOME": tempfile.mkdtemp(prefix="argosy-bench-"),
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        "ARGOSY_LOG_LEVEL": "ERROR",
    }

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from controlplane.clusters import base_release  # noqa: E402
from controlplane.clusters import services as registry  # noqa: E402
from controlplane.clusters.connections import connect  # noqa: E402
from controlplane.clusters.models import Cluster  # noqa: E402
from controlplane.index.models import Watch  # noqa: E402
from controlplane.kube.door import Event, Kube  # noqa: E402
from controlplane.objects import Ref  # noqa: E402
from controlplane.processes.embedded import background_work  # noqa: E402
from localcluster import clusters  # noqa: E402
from localcluster.home import Home  # noqa: E402
from provisioning import render  # noqa: E402
from provisioning.models import Turn  # noqa: E402
from tenants import services  # noqa: E402
from tenants.models import Team, TenantNamespace, Tier  # noqa: E402

NAMESPACES = 20
ROUNDS = 3  # of one sample a namespace
PAUSE = 0.5  # between two samples
LOOP_SECONDS = 20.0
DEADLINE = 120.0
POLICY = ("networking.k8s.io/v1", "NetworkPolicy", "default-deny")
QUOTA = ("v1", "ResourceQuota", "team-quota")
MANAGED = "argosy.dev/managed=true"


class Restored:
    """The cluster's own watch of one kind: when each object was last seen as it should be."""

    def __init__(self, kube: Kube, what: tuple[str, str, str], spec: dict[str, Any]) -> None:
        self._kube, self._what, self._spec = kube, what, spec
        self._seen = threading.Condition()
        self._bad: set[str] = set()
        self._at: dict[str, float] = {}
        version = kube.list_from(what[0], what[1], labels=MANAGED).resource_version
        threading.Thread(target=self._follow, args=(version,), daemon=True).start()

    def _follow(self, version: str) -> None:
        api_version, kind, name = self._what
        for event in self._kube.watch(
            api_version, kind, labels=MANAGED, resource_version=version, seconds=3600
        ):
            if event.manifest["metadata"].get("name") == name:
                with self._seen:
                    self._note(event)
                    self._seen.notify_all()

    def _note(self, event: Event) -> None:
        namespace = event.manifest["metadata"]["namespace"]
        if event.type == "DELETED" or event.manifest["spec"] != self._spec:
            self._bad.add(namespace)
        elif namespace in self._bad:
            self._bad.discard(namespace)
            self._at[namespace] = time.monotonic()

    def time(self, namespace: str, tamper: Callable[[], object]) -> float:
        """Milliseconds from before the request to the event that shows it restored."""
        with self._seen:
            self._at.pop(namespace, None)
        started = time.monotonic()
        tamper()
        with self._seen:
            if not self._seen.wait_for(lambda: namespace in self._at, DEADLINE):
                raise SystemExit(f"{self._what} in {namespace} was never restored")
            return (self._at[namespace] - started) * 1000


def tampering(kube: Kube, what: tuple[str, str, str], namespace: str, how: str) -> None:
    ref = Ref(what[0], what[1], namespace, what[2])
    if how == "delete":
        kube.delete(ref)
    elif what == QUOTA:
        kube.patch(ref, {"spec": {"hard": {"pods": "999"}}}, manager="kubectl-edit")
    else:
        open_ = {"spec": {"ingress": [{"from": [{"namespaceSelector": {}}]}]}}
        kube.patch(ref, open_, manager="kubectl-edit")


def figures_of(samples: list[float]) -> dict[str, Any]:
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    return {
        "n": len(samples),
        "p50_ms": round(cuts[49], 1),
        "p90_ms": round(cuts[89], 1),
        "p99_ms": round(cuts[98], 1),
        "max_ms": round(max(samples), 1),
    }


def sampled(
    kube: Kube, restored: Restored, what: tuple[str, str, str], how: str, namespace: str
) -> float:
    return restored.time(namespace, partial(tampering, kube, what, namespace, how))


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def repairs(kube: Kube, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for what in (POLICY, QUOTA):
        live = kube.get(Ref(what[0], what[1], names[0], what[2]))
        assert live is not None
        restored = Restored(kube, what, live["spec"])
        for how in ("patch", "delete"):
            sample = partial(sampled, kube, restored, what, how)
            label = f"{what[1]} {how}"
            used, samples = cpu(), []
            for _ in range(ROUNDS):
                for name in names:
                    samples.append(sample(name))
                    time.sleep(PAUSE)
            one = {
                **figures_of(samples),
                "cpu_ms_each": round((cpu() - used) / len(samples) * 1000),
            }
            samples = []
            with ThreadPoolExecutor(len(names)) as pool:
                for _ in range(ROUNDS):
                    samples += pool.map(sample, names)
                    time.sleep(4 * PAUSE)
            found[label] = {"one_at_a_time": one, f"{len(names)}_at_once": figures_of(samples)}
            print(label, json.dumps(found[label]), file=sys.stderr)
    return found


def loop_of_changes(kube: Kube, name: str) -> dict[str, Any]:
    """Somebody changes the same quota as fast as they can: the turns they get, and what they cost."""
    first = Turn.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    changes, used, until = 0, cpu(), time.monotonic() + LOOP_SECONDS
    while time.monotonic() < until:
        kube.patch(
            Ref(QUOTA[0], QUOTA[1], name, QUOTA[2]),
            {"spec": {"hard": {"pods": str(100 + changes)}}},
            manager="mallory",
        )
        changes += 1
    return {
        "seconds": LOOP_SECONDS,
        "changes": changes,
        "turns_with_steps": Turn.objects.filter(pk__gt=first).count(),
        "cpu_s": round(cpu() - used, 1),
    }


def bring_up(cluster: Cluster) -> list[str]:
    """Twenty namespaces of as many teams, Ready."""
    names = [f"drift-{number:02}" for number in range(NAMESPACES)]
    for name in names:
        team = Team.objects.create(
            slug=name, name=name, owner_group=f"{name}-owners", cpu_budget=999
        )
        small = Tier.objects.get(slug="small")
        wished = TenantNamespace(team=team, cluster=cluster, tier=small, name=name)
        plan_hash = render.render(wished.spec()).fingerprint
        services.want_namespace(
            team=team, cluster=cluster, tier=small, name=name, plan_hash=plan_hash
        )
    until(lambda: TenantNamespace.objects.filter(phase="Ready").count() == NAMESPACES)
    return names


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > deadline:
            said = list(TenantNamespace.objects.values_list("name", "phase", "conditions"))
            raise SystemExit(f"it never came to be: {said}")
        time.sleep(0.1)


def main() -> None:
    call_command("migrate", verbosity=0)
    home = Home(Path(os.environ["ARGOSY_HOME"]))
    running = clusters.up("bench", node="simulated", home=home, crds=base_release.crds())
    try:
        text = running.kubeconfig.read_text()
        cluster = registry.register(name="bench", kubeconfig_text=text, simulated=True)
        with background_work():
            names = bring_up(cluster)
            until(lambda: Watch.objects.filter(kind="Guard rails", in_step=True).exists())
            kube = connect(cluster).kube
            figures = {
                "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
                "load_before": os.getloadavg()[0],
                "restored": repairs(kube, names),
                "loop_of_changes": loop_of_changes(kube, names[0]),
            }
    finally:
        clusters.down_all(home=home)
    keep("drift", figures)


if __name__ == "__main__":
    main()
