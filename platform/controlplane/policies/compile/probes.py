"""How does one see that a policy acts? Objects that it must deny, tried as dry runs.

The namespace they are for belongs to a team without rules, so everything in it is denied, and the
denial says by which rules. Nothing else tells: policies load on their own, and give no signal.
"""

from collections.abc import Mapping
from typing import Any

from . import routing
from .shapes import TEAM_LABEL

NAMESPACE = "argosy-images-probe"
IMAGE = "argosy probe"  # the name of no image, under any policy

Manifest = dict[str, Any]

LOADED = "loaded."
LOADED_LABEL = "argosy.dev/routing"

_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def namespace(name: str = NAMESPACE) -> Manifest:
    """Where the probes would be, were they ever created."""
    labels = {
        "argosy.dev/managed": "true",
        "argosy.dev/role": "system",
        TEAM_LABEL: name,
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "latest",
    }
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def probes(namespace: str = NAMESPACE) -> list[Manifest]:
    """One object of each kind that a policy of ours watches."""
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [
            {"name": "probe", "image": "argosy-probe.invalid/x:1", "securityContext": _RESTRICTED}
        ],
    }
    labels = {"argosy.dev/probe": "images"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    lasting = {"metadata": {"labels": labels}, "spec": {**pod, "restartPolicy": "Always"}}
    workflow = {
        "entrypoint": "probe",
        "templates": [{"name": "probe", "container": {"image": IMAGE}}],
    }
    argo = "argoproj.io/v1alpha1"
    found = [
        _object("v1", "Pod", spec=pod),
        _object("apps/v1", "Deployment", spec={
            "selector": {"matchLabels": labels}, "template": lasting,
        }),
        _object("batch/v1", "CronJob", spec={
            "schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}},
        }),
        _object("v1", "PodTemplate", template=template),
        _object(argo, "Workflow", spec=workflow),
        _object(argo, "WorkflowTemplate", spec=workflow),
        _object(argo, "CronWorkflow", spec={"schedules": ["0 0 1 1 *"], "workflowSpec": workflow}),
        _object(argo, "WorkflowTaskSet", spec={"tasks": {"probe": workflow["templates"][0]}}),
        _object(argo, "ClusterWorkflowTemplate", spec=workflow),
    ]  # fmt: skip
    for probe in found[:-1]:
        probe["metadata"]["namespace"] = namespace
    return found


def sign(revision: str) -> Manifest:
    """A webhook that only a probe meets, and that nobody answers: its error says by which routes one goes."""
    return {
        "name": f"{LOADED}{revision}.{routing.DOMAIN}",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 1,
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["configmaps"],
                "scope": "Namespaced",
            }
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        "objectSelector": {"matchLabels": {LOADED_LABEL: revision}},
    }


def is_sign(entry: Mapping[str, Any]) -> bool:
    """Whether this entry of a webhook configuration is that one: it judges nothing, and has no CA."""
    return str(entry.get("name", "")).startswith(LOADED)


def _object(api_version: str, kind: str, **content: Any) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "probe"}, **content}
