"""What a namespace costs, beside bare helm on the same cluster: `make bench`.

Figures of one run: one team from approved to Ready; many teams at once, beside `xargs -P4` over
helm; a turn with nothing to do, beside helm with nothing to do; and what the platform costs while
nothing happens to all those teams. Prints JSON and keeps it.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benches.kept import keep

TEAMS = int(os.environ.get("BENCH_TEAMS", "100"))
IDLE_SECONDS = int(os.environ.get("BENCH_IDLE_SECONDS", "120"))
ROUNDS = 5
WORKERS = 16

HOME = tempfile.mkdtemp(prefix="argosy-bench-")
os.environ |= {
    "ARGOSY_HOME": HOME,
    "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    "ARGOSY_LOG_LEVEL": "ERROR",
}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from controlplane.clusters import base_release  # noqa: E402
from controlplane.clusters import services as registry  # noqa: E402
from controlplane.clusters.connections import connect, helm_program  # noqa: E402
from controlplane.clusters.models import Cluster  # noqa: E402
from controlplane.kube.gateway import KubeGateway  # noqa: E402
from controlplane.processes.embedded import background_work  # noqa: E402
from localcluster import clusters  # noqa: E402
from localcluster.home import Home  # noqa: E402
from provisioning import desired, render  # noqa: E402
from provisioning.reconcile import reconcile  # noqa: E402
from provisioning.schedule import RESYNC, THOROUGH_EVERY  # noqa: E402
from tenants import services  # noqa: E402
from tenants.models import Team, TenantNamespace, Tier  # noqa: E402


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wish(cluster: Cluster, team: Team, name: str) -> int:
    """An approved wish. Its plan was rendered for the approver: that is before the clock starts."""
    tier = Tier.objects.get(slug="small")
    wished = services.want_namespace(team=team, cluster=cluster, tier=tier, name=name, plan_hash="")
    wished.approved_plan = render.render(wished.spec()).fingerprint
    wished.save(update_fields=["approved_plan"])
    return wished.pk


def bring_up(pk: int, deadline: float) -> None:
    """Turns as the worker takes them: the next one when the row's own schedule says so."""
    try:
        while time.monotonic() < deadline:
            wait = reconcile(pk)
            if TenantNamespace.objects.filter(pk=pk, phase="Ready").exists():
                return
            if wait is not None:
                time.sleep(min(wait.total_seconds(), 10))
        raise SystemExit(f"namespace {pk} did not become Ready")
    finally:
        connections.close_all()


class BareHelm:
    """The same two charts and values, installed by helm itself."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.kubeconfig, self.folder = kubeconfig, folder

    def prepare(self, kube: KubeGateway, namespace: TenantNamespace, name: str) -> str:
        """A shell line that makes namespace `name`; its Namespaces are made here, outside the clock."""
        spec = namespace.spec()
        spec = type(spec)(**{**spec.__dict__, "name": name})
        for manifest in desired.namespaces_of(spec):
            kube.apply(manifest)
        lines = []
        for chart, where, values in (
            ("team-guardrails", name, desired.guard_rail_values(spec)),
            ("team-argo", f"{name}-argo", desired.release_values(spec, render.images())),
        ):
            file = self.folder / f"{name}-{chart}.json"
            file.write_text(json.dumps(values))
            lines.append(
                f"{helm_program()} upgrade --install {chart} {render.chart(chart).path} -n {where} "
                f"-f {file} --wait --kubeconfig {self.kubeconfig} >/dev/null"
            )
        return " && ".join(lines)


def timed(line: str) -> tuple[float, float]:
    """Wall and CPU seconds of one shell line."""
    before, started = children_cpu(), time.monotonic()
    subprocess.run(["sh", "-c", line], check=True, timeout=120)
    return time.monotonic() - started, children_cpu() - before


def one_team(cluster: Cluster, team: Team, bare: BareHelm, kube: KubeGateway) -> dict[str, Any]:
    ours, theirs = [], []
    for number in range(ROUNDS):
        pk = wish(cluster, team, f"one-{number}")
        started = time.monotonic()
        bring_up(pk, started + 60)
        ours.append(time.monotonic() - started)
        namespace = TenantNamespace.objects.get(pk=pk)
        theirs.append(timed(bare.prepare(kube, namespace, f"helm-one-{number}"))[0])
    a, b = statistics.median(ours), statistics.median(theirs)
    return {"ours_s": round(a, 3), "two_bare_helm_s": round(b, 3), "ratio": round(a / b, 2)}


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every request to the API server while this lasts: counted where all calls pass."""
    requests: list[str] = []
    original = KubeGateway._send  # noqa: SLF001

    def counting(self: KubeGateway, method: str, path: str, *rest: Any, **more: Any) -> Any:
        requests.append(path)
        return original(self, method, path, *rest, **more)

    KubeGateway._send = counting  # type: ignore[method-assign]  # noqa: SLF001
    try:
        yield requests
    finally:
        KubeGateway._send = original  # type: ignore[method-assign]  # noqa: SLF001


def idle(bare: BareHelm, kube: KubeGateway) -> dict[str, Any]:
    """A turn with nothing to do, beside helm with nothing to do."""
    namespace = TenantNamespace.objects.get(name="one-0")
    walls, cpus = [], []
    with counted() as requests:
        for _ in range(20):
            wall, cpu, helms = time.monotonic(), time.process_time(), children_cpu()
            reconcile(namespace.pk)
            walls.append(time.monotonic() - wall)
            cpus.append(time.process_time() - cpu + children_cpu() - helms)
    again = [timed(bare.prepare(kube, namespace, "helm-one-0")) for _ in range(ROUNDS)]
    helm_cpu = statistics.median(cpu for _, cpu in again)
    cpu = statistics.median(cpus)
    return {
        "requests": len(requests) // 20,
        "wall_ms": round(1000 * statistics.median(walls), 1),
        "cpu_ms": round(1000 * cpu, 1),
        "two_bare_helm_wall_ms": round(1000 * statistics.median(w for w, _ in again)),
        "two_bare_helm_cpu_ms": round(1000 * helm_cpu),
        "cpu_ratio": round(cpu / helm_cpu, 4),
    }


def many_teams(cluster: Cluster, team: Team, bare: BareHelm, kube: KubeGateway) -> dict[str, Any]:
    sample = TenantNamespace.objects.get(name="one-0")
    lines = [bare.prepare(kube, sample, f"helm-{n}") for n in range(TEAMS)]
    script = "\0".join(lines)
    started = time.monotonic()
    subprocess.run(
        ["xargs", "-0", "-P4", "-n1", "sh", "-c"], input=script.encode(), check=True, timeout=900
    )
    theirs = time.monotonic() - started
    pks = [wish(cluster, team, f"many-{n}") for n in range(TEAMS)]
    started = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda pk: bring_up(pk, started + 900), pks))
    ours = time.monotonic() - started
    return {
        "teams": TEAMS,
        "ours_s": round(ours, 1),
        "xargs_p4_bare_helm_s": round(theirs, 1),
        "ratio": round(ours / theirs, 2),
    }


def idle_platform() -> dict[str, Any]:
    """The embedded worker and clock with every team at rest, their resyncs spread as they would be."""
    now = timezone.now()
    rows = list(TenantNamespace.objects.all())
    for number, row in enumerate(rows):
        share = number / len(rows)
        row.next_reconcile_at = now + share * RESYNC
        row.thorough_at = now - share * THOROUGH_EVERY
    TenantNamespace.objects.bulk_update(rows, ["next_reconcile_at", "thorough_at"])
    with counted() as requests, background_work():
        cpu, helms = time.process_time(), children_cpu()
        time.sleep(IDLE_SECONDS)
        used = time.process_time() - cpu + children_cpu() - helms
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "namespaces": len(rows),
        "seconds": IDLE_SECONDS,
        "requests_per_s": round(len(requests) / IDLE_SECONDS, 2),
        "cpu_percent_of_a_core": round(100 * used / IDLE_SECONDS, 1),
        "rss_mb": round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20),
    }


def main() -> None:
    call_command("migrate", verbosity=0)
    home = Home(Path(HOME))
    running = clusters.up("bench", node="simulated", home=home, crds=base_release.crds())
    try:
        text = running.kubeconfig.read_text()
        cluster = registry.register(name="bench", kubeconfig_text=text, simulated=True)
        team = Team.objects.create(
            slug="bench", name="Bench", owner_group="bench", namespace_limit=1000
        )
        kube = connect(cluster).kube
        assert isinstance(kube, KubeGateway)
        bare = BareHelm(running.kubeconfig, Path(HOME))
        bring_up(wish(cluster, team, "warm-up"), time.monotonic() + 60)
        figures = {
            "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
            "one_team": one_team(cluster, team, bare, kube),
            "nothing_to_do": idle(bare, kube),
            "many_teams": many_teams(cluster, team, bare, kube),
            "platform_at_rest": idle_platform(),
        }
    finally:
        clusters.down_all(home=home)
    keep("turns", figures)


if __name__ == "__main__":
    main()
