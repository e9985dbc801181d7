"""How does the agent get at its API server? By a kubeconfig file, or as the account of its own pod."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from controlplane.kube.errors import Unreachable
from controlplane.kube.gateway import MIB, Bounds, KubeGateway

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# A small process: a page of the largest objects must not be what ends it.
BOUNDS = Bounds(object_bytes=8 * MIB, page_bytes=8 * MIB)


def opened(kubeconfig: Path | None) -> Callable[[], KubeGateway]:
    """Gives the door; a new one after the credential has changed. Raises Unreachable where there is none."""
    file = kubeconfig or ACCOUNT / "token"
    kept: dict[int, KubeGateway] = {}

    def door() -> KubeGateway:
        try:
            stamp = file.stat().st_mtime_ns
            if stamp not in kept:
                config = _config_of(file) if kubeconfig else _own_account()
                gateway = KubeGateway.from_kubeconfig(config, bounds=BOUNDS)
                kept.clear()
                kept[stamp] = gateway
            return kept[stamp]
        except KeyError:
            # Another thread has just opened the next one.
            return next(iter(kept.values()))
        except (OSError, yaml.YAMLError) as error:
            raise Unreachable(f"the credential for the cluster cannot be read: {error}") from error

    return door


def _config_of(file: Path) -> dict[str, Any]:
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise Unreachable(f"{file} is no kubeconfig")
    return values


def _own_account() -> dict[str, Any]:
    """A kubeconfig of what Kubernetes puts into every pod. The token is another one each hour."""
    host, port = (
        os.environ.get("KUBERNETES_SERVICE_HOST"),
        os.environ.get("KUBERNETES_SERVICE_PORT"),
    )
    if not host or not port:
        raise Unreachable("this is no pod of a cluster; give --kubeconfig")
    authority = base64.b64encode((ACCOUNT / "ca.crt").read_bytes()).decode()
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    token = (ACCOUNT / "token").read_text(encoding="utf-8").strip()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "own",
                "cluster": {"server": server, "certificate-authority-data": authority},
            }
        ],
        "users": [{"name": "own", "user": {"token": token}}],
        "contexts": [{"name": "own", "context": {"cluster": "own", "user": "own"}}],
        "current-context": "own",
    }
