"""What a look at everything costs: 10,000 pods of teams on a real API server, `make bench`.

The agent's own scan in a process of its own, as it runs in a cluster: seconds, its CPU, its largest
memory, and the API server's CPU. Beside it how long only reading the pages takes, which is most of it.
Prints JSON and keeps it.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controlplane.agent import scanning
from controlplane.agent.cluster import opened
from controlplane.clusters import base_release
from controlplane.kube.errors import Conflict
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest
from controlplane.policies.bundle import Bundle
from controlplane.policies.document import Document, Repositories, Scope
from controlplane.policies.facts import NO_FACTS
from localcluster import clusters
from localcluster.home import Home
from localcluster.processes import Daemon
from tests.processes import cpu_seconds

HOME = Path(os.environ.get("ARGOSY_HOME", ".argosy")).absolute()
PODS = int(os.environ.get("BENCH_PODS", "10000"))
TEAMS = 50
ROUNDS = 5
EVERY_BAD = 100  # one pod in so many is what it must not be
WRITERS = 16


def main() -> None:
    home = Home(HOME / "bench-scan")
    running = clusters.up(
        "scan", node="simulated", home=home, durable=False, crds=base_release.crds()
    )
    try:
        filled(opened(running.kubeconfig)())
        server = Daemon(home.cluster("scan"), "kube-apiserver").running()
        rounds = [one(running.kubeconfig, server.pid if server else 0) for _ in range(ROUNDS)]
    finally:
        clusters.wipe("scan", home=home)
    figures = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "pods": PODS,
        **{name: spread([r[name] for r in rounds]) for name in rounds[0]},
    }
    print(json.dumps(figures, indent=2))
    kept = HOME / "bench"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "scan.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")


def spread(values: list[float]) -> dict[str, float]:
    """Median, and the worst and best beside it."""
    return {"median": statistics.median(values), "from": min(values), "to": max(values)}


def one(kubeconfig: Path, server: int) -> dict[str, float]:
    """One scan, by a process that has done nothing before."""
    before = cpu_seconds(server)
    said = subprocess.run(
        [sys.executable, __file__, "scan", str(kubeconfig)],
        check=True,
        capture_output=True,
        text=True,
    )
    return {**json.loads(said.stdout), "API server CPU s": round(cpu_seconds(server) - before, 2)}


def scan(kubeconfig: Path) -> None:
    """What the process of a round does."""
    kube = opened(kubeconfig)()
    begun = time.monotonic()
    cursor = "start"
    while cursor:
        _, cursor = kube.page(
            "v1", "Pod", "", limit=scanning.PAGE, cursor=cursor.replace("start", "")
        )
    reading = time.monotonic() - begun
    idle = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.monotonic()
    found = scanning.scan(kube, bundle(), NO_FACTS, at=datetime.now(UTC), beat=lambda: None)
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    if (found.objects, len(found.sightings)) != (PODS, PODS // EVERY_BAD) or found.problem:
        sys.exit(f"{found.objects} objects, {len(found.sightings)} violations {found.problem}")
    print(
        json.dumps(
            {
                "scan s": round(seconds, 2),
                "only reading the pages s": round(reading, 2),
                "agent CPU s": round(
                    used.ru_utime + used.ru_stime - idle.ru_utime - idle.ru_stime, 2
                ),
                "agent MiB at most": used.ru_maxrss // 1024,
            }
        )
    )


def bundle() -> Bundle:
    """A policy for each team."""
    documents = {}
    for number in range(TEAMS):
        allow = tuple(Repositories("harbor.acme.test", f"team-{number}/app-{i}") for i in range(10))
        documents[name(number)] = Document(
            name=name(number), scopes=(Scope((name(number),), allow),)
        )
    return Bundle(
        version=1,
        created=datetime.now(UTC),
        cluster="scan",
        trust_epoch=1,
        documents=documents,
        namespaces={each: each for each in documents},
    )


def name(number: int) -> str:
    return f"team-{number:02}"


def filled(kube: KubeGateway) -> None:
    """The namespaces, and every pod in them; what is there already stays."""
    for number in range(TEAMS):
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name(number)}})
    with ThreadPoolExecutor(WRITERS) as writers:
        for _ in writers.map(lambda manifest: written(kube, manifest), pods()):
            pass


def written(kube: KubeGateway, manifest: Manifest) -> None:
    with suppress(Conflict):
        kube.create(manifest)


def pods() -> Iterator[Manifest]:
    """As large as pods are: environment, labels, two containers. None is ever placed."""
    for number in range(PODS):
        team = number % TEAMS
        image = f"harbor.acme.test/team-{team}/app-{number % 10}:1.{number % 7}"
        bad = "evil.io/miner:1" if number % EVERY_BAD == 0 else image
        env = [{"name": f"SETTING_{i}", "value": "x" * 40} for i in range(12)]
        spec: dict[str, Any] = {
            "schedulingGates": [{"name": "argosy.dev/bench"}],
            "automountServiceAccountToken": False,
            "containers": [
                {"name": "main", "image": bad, "env": env},
                {"name": "side", "image": image, "env": env},
            ],
        }
        meta = {"name": f"p-{number}", "namespace": name(team), "labels": {"app": "bench"}}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


if __name__ == "__main__":
    if sys.argv[1:2] == ["scan"]:
        scan(Path(sys.argv[2]))
    else:
        main()
