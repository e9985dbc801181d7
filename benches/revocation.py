"""How soon somebody who left their group is out of a cluster: `make bench`.

The platform as `argosy up` runs it, on a real API server. Fifty people have a kubeconfig each and use it all
the time; each leaves their group. A sample is the time from the change of the row to the first request with
their token that is refused what they could do (their Role is gone), and to the first that is not believed at
all (their token is). One at a time, then all at the same moment. Prints JSON and keeps it.
"""

import base64
import os
import platform
import ssl
import statistics
import tempfile
import time
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

import httpx  # noqa: E402
import yaml  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from controlplane.access import services as access  # noqa: E402
from controlplane.clusters import base_release  # noqa: E402
from controlplane.clusters import services as registry  # noqa: E402
from controlplane.clusters.models import Cluster  # noqa: E402
from controlplane.identity.models import User  # noqa: E402
from controlplane.processes.embedded import background_work  # noqa: E402
from localcluster import clusters  # noqa: E402
from localcluster.clusters import RunningCluster  # noqa: E402
from localcluster.home import Home  # noqa: E402
from provisioning import render  # noqa: E402
from tenants import services  # noqa: E402
from tenants.models import Team, TenantNamespace, Tier  # noqa: E402

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "50"))
DEADLINE = 120.0
PAUSE = 0.1  # between two requests of one person
REFUSED, NOT_BELIEVED = 403, 401


def main() -> None:
    """Bring it all up, take everybody's access away, tell how long that took."""
    call_command("migrate", verbosity=0)
    with tempfile.TemporaryDirectory(prefix="argosy-bench-cluster-") as folder:
        home = Home(Path(folder))
        try:
            measure(clusters.up("bench", node="simulated", home=home, crds=base_release.crds()))
        finally:
            clusters.down_all(home=home)


def measure(cluster: RunningCluster) -> None:
    """One round of one at a time, one of all at once."""
    registry.register(name="bench", kubeconfig_text=cluster.kubeconfig.read_text(), simulated=True)
    with background_work():
        namespace = ready()
        issued, began = [], time.monotonic()
        for number in range(2 * PEOPLE):
            user = User.objects.create(username=f"p{number}", claimed_groups=["bench-members"])
            made = access.issue(user=user, cluster="bench", now=timezone.now())
            issued.append((user, made))
        seconds_each = (time.monotonic() - began) / len(issued)
        one_by_one = [sample(namespace, *each) for each in issued[:PEOPLE]]
        with ThreadPoolExecutor(PEOPLE) as pool:
            at_once = list(pool.map(lambda each: sample(namespace, *each), issued[PEOPLE:]))
    figures = {
        "people": PEOPLE,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "to issue one, ms": round(seconds_each * 1000),
        "one at a time": told(one_by_one),
        "all at the same moment": told(at_once),
    }
    keep("revocation", figures)


def ready() -> TenantNamespace:
    """A namespace that is up."""
    team = services.save_team(
        Team(slug="bench", name="Bench", owner_group="bench-owners", member_group="bench-members")
    )
    cluster, small = Cluster.objects.get(), Tier.objects.get(slug="small")
    wished = TenantNamespace(team=team, cluster=cluster, tier=small, name="bench")
    plan = render.render(wished.spec()).fingerprint
    row = services.want_namespace(
        team=team, cluster=cluster, tier=small, name="bench", plan_hash=plan
    )
    deadline = time.monotonic() + DEADLINE
    while row.applied_at is None:
        if time.monotonic() > deadline:
            raise SystemExit(f"{row} is {row.phase}: {row.ready}")
        time.sleep(0.2)
        row.refresh_from_db()
    return row


def sample(namespace: TenantNamespace, user: User, issued: access.Issued) -> tuple[float, float]:
    """Seconds until they may do nothing, and until nobody believes them."""
    document = yaml.safe_load(issued.document)
    server = document["clusters"][0]["cluster"]["server"]
    url = f"{server}/apis/argoproj.io/v1alpha1/namespaces/{namespace.name}/workflows"
    said = base64.b64decode(document["clusters"][0]["cluster"]["certificate-authority-data"])
    believed = ssl.create_default_context(cadata=said.decode())
    headers = {"Authorization": f"Bearer {issued.token}"}
    with httpx.Client(verify=believed, headers=headers, trust_env=False) as client:
        ask = partial(client.get, url)
        _until(lambda: ask().is_success)
        began = time.monotonic()
        user.claimed_groups = []
        user.save()
        _until(lambda: ask().status_code in {REFUSED, NOT_BELIEVED})
        refused = time.monotonic() - began
        _until(lambda: ask().status_code == NOT_BELIEVED)
        return refused, time.monotonic() - began


def _until(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("somebody is still in")
        time.sleep(PAUSE)


def told(samples: list[tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Seconds, of both kinds."""
    rights, tokens = ([pair[kind] for pair in samples] for kind in (0, 1))
    return {"their Role is gone": _spread(rights), "their token is not believed": _spread(tokens)}


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "median": round(statistics.median(ordered), 2),
        "p99": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 2),
        "most": round(ordered[-1], 2),
    }


if __name__ == "__main__":
    main()
