"""Objects as an API server would show them, for the tests of what decides."""

from pathlib import Path
from typing import Any

from controlplane.objects import Manifest
from controlplane.releases import Chart, LiveRelease, Release
from provisioning.desired import Desired, WantedRelease, guard_rails_of, namespaces_of
from tenants.spec import ClusterSpec, NamespaceSpec, TierSpec

HARD = {
    "requests.cpu": "4",
    "requests.memory": "8Gi",
    "limits.cpu": "8",
    "limits.memory": "16Gi",
    "pods": "50",
    "count/workflows.argoproj.io": "200",
}


def spec_of(name: str = "payments", **changes: Any) -> NamespaceSpec:
    fields: dict[str, Any] = {
        "name": name,
        "team": "payments",
        "generation": 1,
        "tier": TierSpec("small", HARD, {}, {}, None, 3600),
        "cluster": ClusterSpec("local", ({"ip": "127.0.0.1", "port": 6443},)),
    }
    return NamespaceSpec(**{**fields, **changes})


def quota(namespace: str = "payments") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team-quota", "namespace": namespace},
        "spec": {"hard": dict(HARD)},
    }


def policy(namespace: str = "payments") -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "default-deny", "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def binding(namespace: str = "payments", role: str = "viewer") -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "viewer", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "viewer", "namespace": namespace}],
    }


def deployment(namespace: str = "payments-argo") -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "workflow-controller",
            "namespace": namespace,
            "annotations": {"argosy.dev/fingerprint": "f1"},
        },
        "spec": {
            "replicas": 1,
            "template": {"spec": {"containers": [{"name": "main", "image": "argo:v4.1.2"}]}},
        },
    }


def release(fingerprint: str = "f1") -> Release:
    chart = Chart("team-argo", Path("charts/team-argo"), "0.1.0", "digest")
    return Release("argo", "payments-argo", chart, {"fingerprint": fingerprint}, fingerprint)


def desired_of(spec: NamespaceSpec | None = None) -> Desired:
    spec = spec or spec_of()
    return Desired(
        namespaces=namespaces_of(spec),
        guard_rails=guard_rails_of(spec, [quota(), policy(), binding()]),
        releases=(WantedRelease(release(), (deployment(),)),),
    )


def owned_by(manager: str, manifest: Manifest, operation: str = "Apply") -> Manifest:
    """As the API server would show it after our apply."""
    fields = {f"f:{key}": {} for key in manifest if key not in {"apiVersion", "kind"}}
    entry = {"manager": manager, "operation": operation, "fieldsV1": fields}
    meta = {**manifest["metadata"], "uid": "u1", "managedFields": [entry]}
    return {**manifest, "metadata": meta}


def deployed(fingerprint: str = "f1", **changes: Any) -> LiveRelease:
    fields: dict[str, Any] = {
        "name": "argo",
        "namespace": "payments-argo",
        "revision": 1,
        "status": "deployed",
        "fingerprint": fingerprint,
        "deployed_revision": 1,
        "record": "sh.helm.release.v1.argo.v1",
    }
    return LiveRelease(**{**fields, **changes})
