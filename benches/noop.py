"""The smallest webhook there could be, in Go: what any webhook costs before it decides anything."""

import base64
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from controlplane.admission import certificates
from controlplane.objects import Ref
from localcluster import go
from tests.webhook import Process, free_port, within

SOURCE = Path(__file__).parent / "noop"
API = "admissionregistration.k8s.io/v1"
CONFIGURATION = Ref(API, "ValidatingWebhookConfiguration", "", "argosy-bench-noop")
STARTED_WITHIN = 20.0
TIMEOUT = 3

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Noop:
    """One that runs, with the certificate of ours and at its address."""

    client: httpx.Client
    authority: bytes
    pid: int

    def calls(self) -> int:
        """How often it was asked."""
        return int(self.client.get("/calls").text)

    def configuration(self, namespaces: Manifest) -> Manifest:
        """Have it asked about every pod of these namespaces."""
        rule = {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["pods"],
            "scope": "Namespaced",
        }
        entry = {
            "name": "noop.bench.argosy.dev",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "url": str(self.client.base_url.join("/review")),
                "caBundle": base64.b64encode(self.authority).decode(),
            },
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "sideEffects": "None",
            "timeoutSeconds": TIMEOUT,
            "rules": [rule],
            "namespaceSelector": namespaces,
        }
        return {
            "apiVersion": API,
            "kind": CONFIGURATION.kind,
            "metadata": {"name": CONFIGURATION.name},
            "webhooks": [entry],
        }


@contextmanager
def started(beside: Process, folder: Path) -> Iterator[Noop]:
    """Built and running, at the address of `beside` and with its certificate."""
    folder.mkdir()
    where = f"{beside.host}:{free_port(beside.host)}"
    kept = beside.folders.certificates
    running = subprocess.Popen([_built(folder), where, kept / certificates.SERVING_FILE])
    context = ssl.create_default_context(cafile=kept / certificates.BUNDLE_FILE)
    try:
        with httpx.Client(base_url=f"https://{where}", verify=context, trust_env=False) as client:
            within(STARTED_WITHIN, lambda: _answers(client))
            yield Noop(client, (kept / certificates.BUNDLE_FILE).read_bytes(), running.pid)
    finally:
        running.kill()
        running.wait()


def _built(folder: Path) -> Path:
    program = folder / "noop"
    command = [go.find(), "build", "-o", program, "."]
    subprocess.run(command, cwd=SOURCE, env=go.environment(), check=True)
    return program


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/calls").is_success
    except httpx.TransportError:
        return False
