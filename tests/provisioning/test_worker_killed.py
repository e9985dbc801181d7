"""A worker killed in the middle of an install: helm dies with it, and the next turn mends what it left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref

pytestmark = pytest.mark.cluster

DEADLINE = 60.0
ATTEMPTS = 5

SETUP = """
import django; django.setup()
from pathlib import Path
from django.core.management import call_command
call_command("migrate", verbosity=0)
from controlplane.clusters import services as clusters
from controlplane.identity.models import User
from tenants.models import Team
text = Path({kubeconfig!r}).read_text()
clusters.register(name="here", kubeconfig_text=text, simulated=True)
Team.objects.create(slug="payments", name="Payments", owner_group="owners")
"""
WORK = """
import django; django.setup()
from controlplane.clusters.models import Cluster
from provisioning.reconcile import reconcile
from provisioning.render import render
from tenants import services
from tenants.models import Team, Tier
row = services.want_namespace(team=Team.objects.get(), cluster=Cluster.objects.get(),
                              tier=Tier.objects.get(slug="small"), name={name!r}, plan_hash="")
row.approved_plan = render(row.spec()).fingerprint
row.save()
reconcile(row.pk)
"""
# The lease is over: what 90 seconds would do.
GO_ON = """
import time
import django; django.setup()
from django.utils import timezone
from provisioning.reconcile import reconcile
from tenants.models import TenantNamespace
row = TenantNamespace.objects.get(name={name!r})
assert row.claimed_until > timezone.now(), "the killed worker's lease holds"
assert reconcile(row.pk) is None, "and nobody else takes the row meanwhile"
TenantNamespace.objects.filter(pk=row.pk).update(claimed_until=timezone.now())
deadline = time.monotonic() + 60
while TenantNamespace.objects.get(pk=row.pk).phase != "Ready":
    assert time.monotonic() < deadline, TenantNamespace.objects.get(pk=row.pk).conditions
    reconcile(row.pk)
    time.sleep(0.1)
"""


@pytest.fixture
def platform(tmp_path: Path, platform_kubeconfig: Path) -> dict[str, str]:
    """The environment of a platform of its own, with the cluster registered."""
    env = {
        **os.environ,
        "ARGOSY_HOME": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    }
    run(SETUP.format(kubeconfig=str(platform_kubeconfig)), env)
    return env


def run(program: str, env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False,
        timeout=DEADLINE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def statuses(kube: KubeGateway, name: str) -> list[str]:
    records = kube.list("v1", "Secret", f"{name}-argo", labels="owner=helm,name=argo")
    return [record["metadata"]["labels"]["status"] for record in records]


def killed_in_the_middle(kube: KubeGateway, name: str, env: dict[str, str]) -> bool:
    """Kill a worker while its release is `pending-install`; False if it was too fast for us."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORK.format(name=name)],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + DEADLINE
    while worker.poll() is None and time.monotonic() < deadline:
        if statuses(kube, name) == ["pending-install"]:
            break
    os.kill(worker.pid, signal.SIGKILL) if worker.poll() is None else None
    worker.wait(DEADLINE)
    return statuses(kube, name) == ["pending-install"]


def helms_of(name: str) -> list[str]:
    """The helm processes at work for a namespace."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words[0].endswith("helm") and f"{name}-argo" in words:
            found.append(" ".join(words))
    return found


def test_helm_dies_with_its_worker_and_the_next_turn_mends_the_release(
    platform: dict[str, str], kube: KubeGateway
) -> None:
    names = [f"killed-{os.getpid()}-{number}" for number in range(ATTEMPTS)]
    try:
        name = next((n for n in names if killed_in_the_middle(kube, n, platform)), "")
        assert name, f"helm was done before it could be killed, {ATTEMPTS} times"
        deadline = time.monotonic() + DEADLINE
        while helms_of(name):
            assert time.monotonic() < deadline, "helm outlived its worker"
        before = statuses(kube, name)

        run(GO_ON.format(name=name), platform)

        assert before == ["pending-install"]
        assert statuses(kube, name) == ["deployed"], "one release, and no second one beside it"
    finally:
        for name in names:
            for each in (name, f"{name}-argo"):
                kube.delete(Ref("v1", "Namespace", "", each))
