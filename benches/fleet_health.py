"""What clusters that hang cost the others: `make bench`.

Real control planes, one of them stopped, and many simulated API servers. The round that asks them all how
they are: its wall time and CPU, with none and with a fifth of the simulated ones hanging, when that is news
and when it is known. And the turns that the real ones get from a worker that is never idle, in pairs: a
stretch with none hanging, a stretch with a fifth, which begins as they fall silent with a turn due on each of
them, and a stretch in which that is known. Prints JSON and keeps it.
"""

import base64
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from benches.kept import keep

REAL = int(os.environ.get("BENCH_REAL", "4"))
SIMULATED = int(os.environ.get("BENCH_SIMULATED", "500"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "3"))
HANGING = 0.2
NAMESPACES = 6  # on each real cluster

HOME = tempfile.mkdtemp(prefix="argosy-bench-")
os.environ |= {
    "ARGOSY_HOME": HOME,
    "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    "ARGOSY_LOG_LEVEL": "CRITICAL",
}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from controlplane.clusters import base_release, credentials  # noqa: E402
from controlplane.clusters import services as registry  # noqa: E402
from controlplane.clusters.models import Cluster  # noqa: E402
from controlplane.policies import delivering  # noqa: E402
from controlplane.processes.embedded import turns as taking_turns  # noqa: E402
from localcluster import clusters  # noqa: E402
from localcluster.home import Home  # noqa: E402
from localcluster.processes import Daemon  # noqa: E402
from provisioning import probing, render, tasks  # noqa: E402
from provisioning.reconcile import Ended, reconcile  # noqa: E402
from tenants import services  # noqa: E402
from tenants.models import Team, TenantNamespace, Tier  # noqa: E402


class Servers:
    """The simulated API servers, a process of ours."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        command = [sys.executable, "-m", "benches.many_servers", str(folder), str(SIMULATED)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ports = folder / "ports.json"
        while not ports.is_file():
            if self._process.poll() is not None:
                raise SystemExit("the simulated API servers did not start")
            time.sleep(0.05)
        authority = base64.b64encode((folder / "ca.pem").read_bytes()).decode()
        for number, port in enumerate(json.loads(ports.read_text())):
            server = f"https://127.0.0.1:{port}"
            Cluster.objects.create(
                name=f"simulated-{number:03}",
                sealed_kubeconfig=credentials.sealed(
                    config(server, authority), f"simulated-{number:03}"
                ),
                server=server,
                uid=f"uid-{number}",
                api_endpoints=[{"ip": "10.0.0.1", "port": 6443}],
                # Known to be there, and looked after: what the bench measures is the asking.
                base_version=base_release.version(),
                base_checked_at=timezone.now() + timedelta(days=1),
            )

    def hang(self, count: int) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"hang {count}\n")
        self._process.stdin.flush()
        self._process.stdout.readline()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def config(server: str, authority: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "member",
                "cluster": {"server": server, "certificate-authority-data": authority},
            }
        ],
        "users": [{"name": "platform", "user": {"token": "t"}}],
        "contexts": [{"name": "member", "context": {"cluster": "member", "user": "platform"}}],
        "current-context": "member",
    }


def brought_up(home: Home, team: Team) -> list[Cluster]:
    """The real ones, with namespaces at rest."""
    found = []
    for number in range(REAL):
        name = f"real-{number}"
        running = clusters.up(name, node="simulated", home=home, crds=base_release.crds())
        text = running.kubeconfig.read_text()
        found.append(registry.register(name=name, kubeconfig_text=text, simulated=True))
        for each in range(NAMESPACES):
            ready(wish(found[-1], team, f"team-{each}"))
    return found


def wish(cluster: Cluster, team: Team, name: str) -> int:
    tier = Tier.objects.get(slug="small")
    wished = services.want_namespace(team=team, cluster=cluster, tier=tier, name=name, plan_hash="")
    wished.approved_plan = render.render(wished.spec()).fingerprint
    wished.save(update_fields=["approved_plan"])
    return wished.pk


def ready(pk: int) -> None:
    deadline = time.monotonic() + 180
    while not TenantNamespace.objects.filter(pk=pk, phase="Ready").exists():
        if time.monotonic() > deadline:
            raise SystemExit(f"namespace {pk} did not become Ready")
        wait = reconcile(pk)
        time.sleep(min(wait.total_seconds() if wait else 0.2, 2))


@contextmanager
def stopped(home: Home, name: str) -> Iterator[None]:
    """A real API server that hangs: its process is there, and does nothing."""
    identity = Daemon(home.cluster(name), "kube-apiserver").running()
    if identity is None:
        raise SystemExit(f"{name} does not run")
    os.kill(identity.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(identity.pid, signal.SIGCONT)


def a_round() -> dict[str, float]:
    """Everybody is due."""
    Cluster.objects.update(next_probe_at=timezone.now())
    wall, cpu = time.monotonic(), time.process_time()
    asked = probing.ask_all(tasks.settle)
    used = time.process_time() - cpu
    return {
        "asked": asked,
        "wall_s": round(time.monotonic() - wall, 2),
        "cpu_s": round(used, 2),
        "unreachable": Cluster.objects.filter(reachable=False).count(),
    }


def rounds(servers: Servers) -> dict[str, Any]:
    servers.hang(0)
    a_round()  # connections are opened
    none = [a_round() for _ in range(3)]
    servers.hang(int(SIMULATED * HANGING))
    found = {
        "none_hanging": min(none, key=lambda each: each["wall_s"]),
        "a_fifth_falls_silent": a_round(),
        "and_again_before_they_are_given_up": a_round(),
        "a_fifth_known_to_be_away": a_round(),
    }
    servers.hang(0)
    found["all_back"] = a_round()
    return found


@contextmanager
def counted(turns: Counter[str]) -> Iterator[None]:
    """Turns that end, by whether their cluster is real."""
    names = dict(TenantNamespace.objects.values_list("pk", "cluster__name"))
    original, lock = tasks.taken, threading.Lock()

    def counting(pk: int) -> Ended:
        ended = original(pk)
        with lock:
            turns[names[pk]] += 1
        return ended

    tasks.taken = counting
    try:
        yield
    finally:
        tasks.taken = original


def stretch(healthy: list[Cluster]) -> float:
    """Turns a second of the healthy, whose rows are due whenever they are not being worked on."""
    mine = TenantNamespace.objects.filter(cluster__in=healthy)
    turns: Counter[str] = Counter()
    with counted(turns):
        until, began = time.monotonic() + SECONDS, time.monotonic()
        while time.monotonic() < until:
            resting = mine.filter(claimed_until=None, next_reconcile_at__gt=timezone.now())
            # A time that is past for every worker: one that read its clock before this would find the row
            # not due, and leave it marked as queued for a minute.
            resting.update(next_reconcile_at=timezone.now() - timedelta(seconds=5))
            for pk in mine.filter(claimed_until=None, queued_at=None).values_list("pk", flat=True):
                tasks.enqueue(pk)
            time.sleep(0.02)
        seconds = time.monotonic() - began
    connections.close_all()
    return sum(turns[each.name] for each in healthy) / seconds


def pairs(servers: Servers, healthy: list[Cluster], team: Team) -> dict[str, Any]:
    """Stretches by turns, so that what the machine does beside is in both."""
    hanging = int(SIMULATED * HANGING)
    tier = Tier.objects.get(slug="small")
    first = Cluster.objects.filter(name__startswith="simulated").order_by("name")[:hanging]
    rows = [
        services.want_namespace(team=team, cluster=c, tier=tier, name="waits", plan_hash="x").pk
        for c in first
    ]
    TenantNamespace.objects.filter(pk__in=rows).update(paused=True)
    found: dict[str, list[float]] = {"none": [], "falls": [], "known": []}
    with taking_turns():  # the watch is a process of its own where there are so many clusters
        stretch(healthy)
        for _ in range(PAIRS):
            servers.hang(0)
            back(hanging)
            found["none"].append(stretch(healthy))
            servers.hang(hanging)
            # Their turns are due as they fall silent: nobody knows of it yet.
            TenantNamespace.objects.filter(pk__in=rows).update(
                paused=False, next_reconcile_at=timezone.now(), queued_at=None
            )
            found["falls"].append(stretch(healthy))
            gone(hanging)
            found["known"].append(stretch(healthy))
            TenantNamespace.objects.filter(pk__in=rows).update(paused=True)
    servers.hang(0)
    none, falls, known = (statistics.median(each) for each in found.values())
    return {
        "turns_per_s_none_hanging": [round(each, 1) for each in found["none"]],
        "turns_per_s_as_a_fifth_falls_silent": [round(each, 1) for each in found["falls"]],
        "turns_per_s_a_fifth_hanging": [round(each, 1) for each in found["known"]],
        "ratio_as_they_fall": round(falls / none, 3),
        "ratio_hanging": round(known / none, 3),
    }


def back(hanging: int) -> None:
    """Wait until nobody of the simulated is known to be away."""
    known(0, f"{hanging} did not come back")


def gone(hanging: int) -> None:
    """Wait until all of them are known to be away."""
    known(hanging, f"not all of {hanging} were found out")


def known(away: int, problem: str) -> None:
    deadline = time.monotonic() + 120
    simulated = Cluster.objects.filter(name__startswith="simulated", reachable=False)
    while simulated.count() != away:
        if time.monotonic() > deadline:
            raise SystemExit(problem)
        time.sleep(0.5)


def main() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    call_command("migrate", verbosity=0)
    # The simulated ones know no policies: bringing them there, in vain, is no part of this.
    delivering.waiting = lambda _: []
    home = Home(Path(HOME))
    team = Team.objects.create(
        slug="bench", name="Bench", owner_group="bench", namespace_limit=10_000
    )
    servers = Servers(Path(HOME) / "servers")
    try:
        real = brought_up(home, team)
        with stopped(home, real[-1].name):
            figures = {
                "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
                "real": f"{REAL}, one of them stopped",
                "simulated": SIMULATED,
                "rounds": rounds(servers),
                "turns": pairs(servers, real[:-1], team),
            }
    finally:
        servers.end()
        clusters.down_all(home=home)
    keep("fleet_health", figures)


if __name__ == "__main__":
    main()
