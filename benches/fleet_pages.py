"""What the fleet, usage and chargeback cost with 2,000 clusters and 5,000 namespaces: `make bench`.

Pages and API as the people who see most of each, and the same with a tenth of everything: how many questions
they ask the database must not depend on it. Prints JSON, keeps it, and fails if a promise is broken.
"""

import gc
import math
import os
import statistics
import sys
import time
from collections.abc import Iterator

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benches import console  # noqa: F401 - sets Django up, in a home of its own
from benches.fill import Size, fill, people_of_all_teams, usage_of
from benches.kept import keep
from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.index.models import Watch
from controlplane.metrics import quota_history
from controlplane.metrics.models import Price
from controlplane.policies.models import Delivery
from tenants.models import TenantNamespace
from tests.browser import world

ROUNDS = int(os.environ.get("BENCH_FLEET_ROUNDS", "30"))
MOST_MS, MOST_KB = 150.0, 200.0
SMALL = Size(clusters=200, namespaces=500, requests=100, workflows=500)
LARGE = Size(clusters=2_000, namespaces=5_000, requests=100, workflows=500)
LOOKS = {
    "fleet": ("admin", "/fleet/"),
    "fleet, the broken one": ("admin", "/fleet/?state=broken"),
    "cluster": ("admin", "/fleet/cluster-00/"),
    "cluster, 30 days": ("admin", "/fleet/cluster-00/?range=30d"),
    "usage of a team": ("owner", "/usage/?team=team-00&range=24h"),
    "usage of a team, 30 days": ("owner", "/usage/?team=team-00&range=30d"),
    "chargeback by team": ("admin", "/chargeback/"),
    "chargeback by namespace": ("admin", "/chargeback/?by=namespace"),
    "API: fleet": ("admin", "/api/v1/fleet/"),
    "API: usage": ("owner", "/api/v1/usage/?team=team-00"),
    "API: chargeback": ("admin", "/api/v1/usage/chargeback/"),
}


def main() -> int:
    """Measure, print, keep; exit code 1 with what is broken."""
    call_command("migrate", verbosity=0)
    few = {name: look["queries"] for name, look in measured(SMALL, rounds=1).items()}
    found = measured(LARGE, rounds=ROUNDS)
    began = time.thread_time()
    quota_history.remember(timezone.now())
    figures = {
        "rows": vars(LARGE),
        "looks": found,
        "queries_with_a_tenth": few,
        "writing_down_all_quotas_cpu_s": round(time.thread_time() - began, 2),
    }
    figures["broken"] = list(broken(found, few))
    keep("fleet_pages", figures)
    for line in figures["broken"]:
        print(f"broken: {line}", file=sys.stderr)
    return 1 if figures["broken"] else 0


def measured(size: Size, rounds: int) -> dict[str, dict[str, float]]:
    """Each look at a platform of this size."""
    now = timezone.now()
    fill(size, now=now, kubeconfig=world.kubeconfig("https://10.0.0.1:6443"))
    people_of_all_teams()
    Cluster.objects.filter(name="cluster-101").update(reachable=False, message="gone")
    known = Delivery.objects.values("cluster")
    Delivery.objects.bulk_create(
        Delivery(cluster=each, in_force=True) for each in Cluster.objects.exclude(pk__in=known)
    )
    usage_of(list(TenantNamespace.objects.order_by("pk")), now=now, hours=24, days=30)
    Price.objects.get_or_create(since=now.date().replace(day=1), cpu_hour=1, shared_month=100)
    connection.cursor().execute("ANALYZE")
    return {name: look(*asked, rounds=rounds) for name, asked in LOOKS.items()}


def look(person: str, path: str, rounds: int) -> dict[str, float]:
    """Milliseconds, kilobytes and questions of one address."""
    client = Client(headers={"host": "localhost"})
    client.force_login(
        User.objects.get(username=person), "django.contrib.auth.backends.ModelBackend"
    )
    now = timezone.now()
    Cluster.objects.update(checked_at=now)
    Watch.objects.update(heard_at=now)
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    asked = len(captured)  # read at once: the next request forgets them
    gc.collect()
    gc.freeze()  # as `wsgi.py` does
    walls, own = [], []
    for _ in range(rounds):
        began, used = time.perf_counter(), time.thread_time()
        answer = client.get(path)
        walls.append(1000 * (time.perf_counter() - began))
        own.append(1000 * (time.thread_time() - used))
    print(f"{path}: {statistics.median(walls):.0f} ms", file=sys.stderr)
    return {
        "status": answer.status_code,
        "p50_ms": round(statistics.median(walls), 1),
        "p95_ms": round(sorted(walls)[math.ceil(0.95 * len(walls)) - 1], 1),
        "cpu_p50_ms": round(statistics.median(own), 1),
        "kb": round(len(answer.content) / 1000, 1),
        "queries": asked,
    }


def broken(found: dict[str, dict[str, float]], few: dict[str, float]) -> Iterator[str]:
    """Each promise that these figures do not keep, as a sentence."""
    for name, each in found.items():
        if each["status"] != 200:
            yield f"{name} answers {each['status']}"
        if each["p95_ms"] > MOST_MS:
            yield f"{name} takes {each['p95_ms']} ms (p95), more than {MOST_MS:.0f}"
        if each["kb"] > MOST_KB:
            yield f"{name} is {each['kb']} kB, more than {MOST_KB:.0f}"
        if each["queries"] != few[name]:
            yield f"{name} asks {few[name]} questions of a tenth, and {each['queries']} of all"


if __name__ == "__main__":
    raise SystemExit(main())
