"""How fast the index follows: `make bench`.

Workflows made on a real API server and watched in: how long after the last one is made the last row is
there, and how many rows a second that is; the same for a list read whole; then the list over all
namespaces, with 50,000 rows. Prints JSON and keeps it.
"""

import gc
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benches.kept import keep

if __name__ == "__main__":
    os.environ |= {
        "ARGOSY_HOME": tempfile.mkdtemp(prefix="argosy-bench-"),
        "ARGOSY_ALLOWED_HOSTS": "testserver",
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        "ARGOSY_LOG_LEVEL": "ERROR",
    }
    import django

    django.setup()

from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from benches.fill import Size, fill, people_of_all_teams
from controlplane.clusters import base_release
from controlplane.clusters import services as registry
from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.index.entries import WorkflowEntry
from controlplane.index.kinds import KINDS, WHOLES, WORKFLOW
from controlplane.index.models import Watch, Workflow
from controlplane.index.watching import Changed
from controlplane.index.writing import Inbox, Letter, write
from controlplane.processes import watch
from localcluster import clusters
from localcluster.home import Home
from tenants.models import Team, TenantNamespace, Tier

__all__ = ["fill", "main"]

WORKFLOWS = int(os.environ.get("BENCH_WORKFLOWS", "2000"))
ROWS = Size()
CHANGES = 20_000
MAKERS = 8
CALLS = 30
DEADLINE = 300.0
QUERIES = {
    "newest": {},
    "failed": {"phase": "Failed"},
    "of_one_namespace": {"namespace": "team-00-00000"},
    "text": {"text": "nightly"},
    "by_finish": {"order": "-finished"},
    "page_7": {"page": "7"},
}
DEEP = {"page_400": {"page": "400"}}  # of one team's there are ten


def namespace_on(cluster: Cluster) -> TenantNamespace:
    team = Team.objects.create(slug="bench", name="Bench", owner_group="bench")
    connect(cluster).kube.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bench"}}
    )
    return TenantNamespace.objects.create(
        team=team,
        cluster=cluster,
        tier=Tier.objects.get(slug="small"),
        name="bench",
        begun_at=timezone.now(),
    )


@contextmanager
def watching() -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=watch.run, args=(ended,))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def until(true: Callable[[], bool]) -> float:
    """When it was so."""
    deadline = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"it never came to be: {list(Watch.objects.values())}")
        time.sleep(0.02)
    return time.monotonic()


def watched_in(cluster: Cluster, namespace: TenantNamespace) -> dict[str, Any]:
    kube = connect(cluster).kube

    def make(number: int) -> None:
        meta = {"name": f"w-{number:05}", "namespace": namespace.name}
        spec = {"entrypoint": "main", "workflowTemplateRef": {"name": "nightly"}}
        kube.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "metadata": meta,
                "spec": spec,
            }
        )

    with watching():
        until(lambda: Watch.objects.filter(in_step=True).count() == len(KINDS) + len(WHOLES))
        started = time.monotonic()
        with ThreadPoolExecutor(MAKERS) as pool:
            list(pool.map(make, range(WORKFLOWS)))
        made = time.monotonic()
        done = until(lambda: Workflow.objects.count() == WORKFLOWS)
    return {
        "workflows": WORKFLOWS,
        "making_them_s": round(made - started, 2),
        "last_made_to_last_row_s": round(done - made, 3),
        "rows_per_s": round(WORKFLOWS / (done - started)),
    }


def listed_whole() -> dict[str, Any]:
    """The same workflows, when the watch begins with none of them known."""
    Workflow.objects.all().delete()
    Watch.objects.all().delete()
    started, cpu = time.monotonic(), time.process_time()
    with watching():
        done = until(lambda: Workflow.objects.count() == WORKFLOWS)
        used = time.process_time() - cpu
    return {
        "seconds": round(done - started, 2),
        "rows_per_s": round(WORKFLOWS / (done - started)),
        "rows_per_cpu_s": round(WORKFLOWS / used),
    }


def written(cluster: Cluster, namespace: TenantNamespace) -> dict[str, Any]:
    """Changes as fast as they can be told, by several followers at once: what the writer makes of them."""
    inbox, ended, now = Inbox(), threading.Event(), timezone.now()

    def tell(first: int) -> None:
        for number in range(first, CHANGES, MAKERS):
            entry = WorkflowEntry(
                namespace=namespace.name,
                uid=f"told-{number % WORKFLOWS}",
                resource_version=number + 1,
                name=f"told-{number % WORKFLOWS}",
                created_at=now,
                phase="Running",
                labels={"app": "bench"},
            )
            inbox.put(Letter(cluster, WORKFLOW, Changed(entry, gone=False)), ended)

    followers = [threading.Thread(target=tell, args=(n,)) for n in range(MAKERS)]
    started, cpu = time.monotonic(), time.process_time()
    for follower in followers:
        follower.start()
    batches = []
    while letters := inbox.batch():
        began = time.monotonic()
        write(letters, now=timezone.now())
        batches.append(time.monotonic() - began)
    took, used = time.monotonic() - started, time.process_time() - cpu
    Workflow.objects.filter(uid__startswith="told-").delete()
    return {
        "changes": CHANGES,
        "changes_per_s": round(CHANGES / took),
        "changes_per_cpu_s": round(CHANGES / used),
        "batch_p95_ms": round(1000 * statistics.quantiles(batches, n=20)[-1], 1),
    }


def lists() -> dict[str, Any]:
    """The list over all namespaces, as somebody of every team asks for it, and as one team's owner does."""
    started = time.monotonic()
    fill(ROWS, now=timezone.now(), kubeconfig="")
    filled = time.monotonic() - started
    people_of_all_teams()
    return {
        "filled_in_s": round(filled, 1),
        "of_all_teams": _times(User.objects.get(username="owner"), QUERIES | DEEP),
        "of_one_team": _times(
            User.objects.create(username="owner-00", claimed_groups=["team-00-owners"]), QUERIES
        ),
    }


def _times(user: User, queries: dict[str, dict[str, str]]) -> dict[str, Any]:
    client = APIClient()
    client.force_authenticate(user)
    return {name: _times_of(client, query) for name, query in queries.items()}


def _times_of(client: APIClient, query: dict[str, str]) -> dict[str, float]:
    client.get("/api/v1/workflows/", query)  # the first call imports
    gc.collect()
    gc.freeze()  # as `wsgi.py` does
    took, own = [], []  # own: what other programs of the machine do not change
    for _ in range(CALLS):
        started, used = time.monotonic(), time.thread_time()
        answer = client.get("/api/v1/workflows/", query)
        took.append(time.monotonic() - started)
        own.append(time.thread_time() - used)
        assert answer.status_code == 200, answer.content
    return {
        "p95_ms": round(1000 * statistics.quantiles(took, n=20)[-1], 1),
        "cpu_p50_ms": round(1000 * statistics.median(own), 1),
    }


def main() -> None:
    call_command("migrate", verbosity=0)
    home = Home(Path(os.environ["ARGOSY_HOME"]))
    running = clusters.up("bench", node="simulated", home=home, crds=base_release.crds())
    try:
        text = running.kubeconfig.read_text()
        cluster = registry.register(name="bench", kubeconfig_text=text, simulated=True)
        namespace = namespace_on(cluster)
        figures = {
            "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
            "watched_in": watched_in(cluster, namespace),
            "listed_whole": listed_whole(),
            "written": written(cluster, namespace),
            "lists": lists(),
        }
    finally:
        clusters.down_all(home=home)
    keep("index", figures)


if __name__ == "__main__":
    main()
