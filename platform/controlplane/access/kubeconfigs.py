"""A kubeconfig as a document: where the cluster is, a context for each namespace, and how one gets in."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from controlplane.objects import Manifest

CREDENTIALS = "client.authentication.k8s.io/v1"
HINT = "argosy is not installed, or not on the PATH: it asks the platform for a new token when one ends."


def document(
    *,
    cluster: str,
    endpoint: Mapping[str, Any],
    namespaces: Sequence[str],
    user: Mapping[str, Any],
) -> Manifest:
    """One cluster, one user, and a context for each namespace; the first of them is the one in use."""
    person = f"argosy-{cluster}"
    contexts = [
        {
            "name": f"{cluster}/{namespace}",
            "context": {"cluster": cluster, "user": person, "namespace": namespace},
        }
        for namespace in namespaces
    ]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": dict(endpoint)}],
        "users": [{"name": person, "user": dict(user)}],
        "contexts": contexts,
        "current-context": contexts[0]["name"],
    }


def by_token(token: str) -> dict[str, Any]:
    """A user who shows this token: until it ends."""
    return {"token": token}


def by_asking(cluster: str, *, platform: str) -> dict[str, Any]:
    """A user whose kubectl asks the platform for a token, anew whenever one ends. It holds no secret."""
    return {
        "exec": {
            "apiVersion": CREDENTIALS,
            "command": "argosy",
            "args": ["token", cluster],
            "env": [{"name": "ARGOSY_URL", "value": platform}],
            "installHint": HINT,
            "interactiveMode": "Never",
            "provideClusterInfo": False,
        }
    }


def credential(token: str, *, until: str) -> Manifest:
    """What kubectl reads from the program that it asks."""
    status = {"token": token, "expirationTimestamp": until}
    return {"apiVersion": CREDENTIALS, "kind": "ExecCredential", "status": status}


def written(manifest: Manifest) -> str:
    """As people keep it."""
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)
