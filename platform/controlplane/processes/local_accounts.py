"""In a local cluster the platform and its agent have the rights of any other cluster, and no more: how.

Elsewhere an administrator applies what `argosy cluster role` prints, and installs the agent's
chart. Of a local cluster the administrator's kubeconfig is on this machine: with it the same is done here,
and what it made is what the platform and the agent come with.
"""

import base64
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from controlplane.clusters import rights
from controlplane.kube.errors import Unreachable
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest, Ref
from localcluster import kubeconfig, pki

ADMINISTRATOR = "argosy-local"  # the field manager: somebody else than the platform
PLATFORM = rights.NAME  # the user, and the file of its kubeconfig beside its administrator's
SECONDS = 30.0  # until a new account has its token; a moment, where the controllers run
LOOK_EVERY = 0.1


def of_the_platform(admin: Path, role: Manifest) -> str:
    """The kubeconfig of a user who has this role, and nothing else. Raises KubeError.

    A user and no service account: what people do through the platform is to be in the audit log, and
    local clusters leave service accounts out of theirs.
    """
    config, _ = _applied(admin, (role, _to_user(role["metadata"]["name"])))
    (cluster,) = config["clusters"]
    keys, path = admin.parent / "pki", admin.parent / f"{PLATFORM}.kubeconfig"
    if not (keys / f"{PLATFORM}.crt").exists():
        pki.issue(keys, pki.Leaf(PLATFORM, PLATFORM))
    kubeconfig.write(
        path, pki=keys, user=PLATFORM, server=cluster["cluster"]["server"], cluster=cluster["name"]
    )
    return path.read_text(encoding="utf-8")


def _to_user(role: str) -> Manifest:
    return {
        "apiVersion": f"{rights.RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": PLATFORM},
        "roleRef": {"apiGroup": rights.RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": rights.RBAC, "kind": "User", "name": PLATFORM}],
    }


def made(admin: Path, manifests: Iterable[Manifest], secret: Ref) -> str:
    """Apply these as the cluster's administrator; the kubeconfig of whose token is in this Secret of them."""
    config, kube = _applied(admin, manifests)
    return json.dumps(_with_token(config, _token(kube, secret)))


def _applied(admin: Path, manifests: Iterable[Manifest]) -> tuple[dict[str, Any], KubeGateway]:
    """These, as the cluster's administrator; the kubeconfig it came with, and the way in."""
    config = yaml.safe_load(admin.read_text(encoding="utf-8"))
    kube = KubeGateway.from_kubeconfig(config)
    for manifest in manifests:
        kube.apply(manifest, manager=ADMINISTRATOR)
    return config, kube


def _token(kube: KubeGateway, secret: Ref) -> str:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        data = (kube.get(secret) or {}).get("data") or {}
        if token := data.get("token"):
            return base64.b64decode(token).decode()
        time.sleep(LOOK_EVERY)
    raise Unreachable(
        f"the account {secret.namespace}/{secret.name} got no token within {SECONDS:.0f} s: the cluster's "
        "controller-manager makes it, and may not run"
    )


def _with_token(config: dict[str, Any], token: str) -> dict[str, Any]:
    return {**config, "users": [{**each, "user": {"token": token}} for each in config["users"]]}
