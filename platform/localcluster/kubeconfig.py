"""The kubeconfig of a local cluster: inline data only, so it can travel."""

import base64
import json
import os
from pathlib import Path


def write(path: Path, *, pki: Path, user: str, server: str, cluster: str) -> None:
    """Write a kubeconfig for `user` of `pki`; JSON, which every reader of YAML reads."""
    context = f"{user}@{cluster}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": _inline(pki / "ca.crt"),
                },
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _inline(pki / f"{user}.crt"),
                    "client-key-data": _inline(pki / f"{user}.key"),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
        "current-context": context,
    }
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(document, out, indent=1)
    draft.replace(path)


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
