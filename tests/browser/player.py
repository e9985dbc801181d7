"""Who waits for a workflow that somebody submitted, and plays it from its beginning to its end."""

import time

from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest
from tests.player import Player

from .workflows import ARGO, settling

LOOK_EVERY = 0.1
DEADLINE = 30.0


def finish(kube: KubeGateway, namespace: str) -> str:
    """Take the one workflow of this namespace through its steps to Succeeded; gives its name."""
    name = str(_submitted(kube, namespace)["metadata"]["name"])
    settling(Player.on_server(kube, namespace, name)).end("settle").finish()
    return name


def _submitted(kube: KubeGateway, namespace: str) -> Manifest:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if found := kube.list(ARGO, "Workflow", namespace):
            return found[0]
        time.sleep(LOOK_EVERY)
    raise AssertionError(f"no workflow came to {namespace}")
