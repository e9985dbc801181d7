"""How soon a policy of the API server's that somebody deleted is back: `make bench`.

The platform as `argosy up` runs it, on a real API server. Each sample is the time from sending the request to
the event of the cluster's own watch that shows the object restored; that it acts again is the API server's
own moment. One at a time, each after the pace has room for a look again. Prints JSON and keeps it.
"""

import os
import platform
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ |= {
        "ARGOSY_HOME": tempfile.mkdtemp(prefix="argosy-bench-"),
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        "ARGOSY_LOG_LEVEL": "ERROR",
    }

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from benches.drift import figures_of  # noqa: E402
from benches.kept import keep  # noqa: E402
from controlplane.clusters import base_release  # noqa: E402
from controlplane.clusters import services as registry  # noqa: E402
from controlplane.clusters.connections import connect  # noqa: E402
from controlplane.index.models import Watch  # noqa: E402
from controlplane.index.pacing import NAMESPACE_EVERY  # noqa: E402
from controlplane.index.places import ADMISSION  # noqa: E402
from controlplane.kube.door import Kube  # noqa: E402
from controlplane.objects import Manifest, Ref  # noqa: E402
from controlplane.policies import delivering, delivery  # noqa: E402
from controlplane.policies.models import Delivery  # noqa: E402
from controlplane.processes.embedded import background_work  # noqa: E402
from localcluster import clusters  # noqa: E402
from localcluster.home import Home  # noqa: E402

ROUNDS = 20
DEADLINE = 180.0
AUTHORITY = b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()
AWAY = {"url": "https://127.0.0.1:1/review", "caBundle": AUTHORITY}
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"

# The base's and the image policies' by turns: each place has a pace of its own.
DELETED = {
    "policy of the base": Ref(ADMISSION, POLICY, "", "argosy-namespace-labels"),
    "image policy": Ref(ADMISSION, POLICY, "", "argosy-images-pods"),
    "binding of the base": Ref(ADMISSION, BINDING, "", "argosy-namespace-labels"),
    "webhook configuration": delivery.CONFIGURATION,
}


def content(manifest: Manifest | None) -> Manifest:
    return {part: (manifest or {}).get(part) for part in ("spec", "webhooks")}


def restored(kube: Kube, ref: Ref) -> float:
    """Milliseconds from before the request to the event that shows the object as it was."""
    before = kube.get(ref)
    if before is None:
        raise SystemExit(f"{ref} is not there")
    listed = kube.list_from(ref.api_version, ref.kind)
    back, at = threading.Event(), [0.0]

    def follow() -> None:
        for event in kube.watch(
            ref.api_version, ref.kind, resource_version=listed.resource_version, seconds=300
        ):
            if event.manifest["metadata"].get("name") != ref.name or event.type == "DELETED":
                continue
            if content(event.manifest) == content(before):
                at[0] = time.monotonic()
                back.set()
                return

    threading.Thread(target=follow, daemon=True).start()
    started = time.monotonic()
    kube.delete(ref)
    if not back.wait(DEADLINE):
        raise SystemExit(f"{ref} was never restored")
    return (at[0] - started) * 1000


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"it never came to be: {list(Delivery.objects.values())}")
        time.sleep(0.1)


def samples(kube: Kube) -> dict[str, Any]:
    found: dict[str, list[float]] = {what: [] for what in DELETED}
    for number in range(ROUNDS):
        for what, ref in DELETED.items():
            found[what].append(restored(kube, ref))
            time.sleep(NAMESPACE_EVERY / 2 + 0.2)  # the next one but one is of this place again
        print(number, {what: round(mine[-1]) for what, mine in found.items()}, file=sys.stderr)
    return {what: figures_of(mine) for what, mine in found.items()}


def main() -> None:
    call_command("migrate", verbosity=0)
    home = Home(Path(os.environ["ARGOSY_HOME"]))
    running = clusters.up("bench", node="simulated", home=home, crds=base_release.crds())
    try:
        text = running.kubeconfig.read_text()
        cluster = registry.register(name="bench", kubeconfig_text=text, simulated=True)
        delivering.webhook_at(cluster, AWAY)
        with background_work():
            until(partial(Delivery.objects.filter(in_force=True).exists))
            until(lambda: Watch.objects.filter(kind="Policies", in_step=True).exists())
            figures = {
                "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
                "load_before": os.getloadavg()[0],
                "restored": samples(connect(cluster).kube),
                "load_after": os.getloadavg()[0],
            }
    finally:
        clusters.down_all(home=home)
    keep("policy-drift", figures)


if __name__ == "__main__":
    main()
