"""What the clock's look after image policies costs, at 300 clusters and 500 teams: `make bench`.

Every five seconds it asks for which clusters the rules may have changed. Where nothing did; where one
team's policy did; and beside them what it would be to work the rules of each cluster out anew. CPU of
this process, in Django with its database. Prints JSON and keeps it.
"""

import atexit
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benches.kept import keep

CLUSTERS = int(os.environ.get("BENCH_CLUSTERS", "300"))
NAMESPACES = int(os.environ.get("BENCH_NAMESPACES", "6000"))
TEAMS, REPOSITORIES, ROUNDS = 500, 10, 7
ANEW = 20  # clusters whose rules are worked out anew: the rest would cost as much

HOME = tempfile.mkdtemp(prefix="argosy-bench-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ |= {
    "ARGOSY_HOME": HOME,
    "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    "ARGOSY_LOG_LEVEL": "ERROR",
}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from benches.fill import Size, fill  # noqa: E402
from controlplane.clusters.models import Cluster  # noqa: E402
from controlplane.policies import bundles, delivering  # noqa: E402
from controlplane.policies.models import Delivery, ImagePolicy  # noqa: E402
from tenants.models import Team  # noqa: E402


def main() -> None:
    call_command("migrate", verbosity=0)
    now = timezone.now()
    size = Size(teams=TEAMS, clusters=CLUSTERS, namespaces=NAMESPACES, requests=0, workflows=0)
    fill(size, now=now, kubeconfig="none")
    ImagePolicy.objects.bulk_create(map(policy, Team.objects.all()))
    everything = seen()
    figures: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "clusters": CLUSTERS,
        "namespaces": NAMESPACES,
        "teams": TEAMS,
        "goal ms": 500,  # a tenth of one core
        "nothing changed": {"waiting": len(waiting()), "ms": milliseconds(waiting)},
    }
    assert everything == CLUSTERS
    changed = ImagePolicy.objects.exclude(team=None).first()
    assert changed is not None
    changed.settings = {**changed.settings, "tags": {"forbid": ["latest"]}}
    changed.save()
    clusters = list(Cluster.objects.all()[:ANEW])
    anew = milliseconds(lambda: [bundles.current(c, now=timezone.now()) for c in clusters])
    figures |= {
        "one team's policy changed": {"waiting": len(waiting()), "ms": milliseconds(waiting)},
        "each worked out anew, ms": round(anew / ANEW * CLUSTERS),
    }
    keep("looks", figures)


def policy(team: Team) -> ImagePolicy:
    names = [f"{team.slug}/**", *(f"shared/{team.slug}-{n}" for n in range(REPOSITORIES - 1))]
    allow = [{"registry": "harbor.acme.test", "repository": name} for name in names]
    settings = {"allow": allow, "digest": {"required": True}}
    return ImagePolicy(name=f"of-{team.slug}", scope="team", team=team, settings=settings)


def waiting() -> list[tuple[int, str]]:
    return delivering.waiting(timezone.now())


def seen() -> int:
    """As if every cluster had just been brought what there is."""
    found = waiting()
    due = timezone.now() + delivering.LOOKED_AFTER
    Delivery.objects.bulk_create(
        Delivery(cluster_id=pk, inputs=inputs, due_at=due) for pk, inputs in found
    )
    return len(found)


def milliseconds(act: Callable[[], object]) -> float:
    """The median of CPU, after one that is not counted."""
    act()
    took = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        act()
        took.append((time.process_time() - begun) * 1000)
    return round(statistics.median(took), 1)


if __name__ == "__main__":
    main()
