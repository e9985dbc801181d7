"""Which policies does the API server hold? One for each depth at which kinds hold their images."""

from dataclasses import dataclass
from typing import Any

from controlplane.policies.places import ARGO, KINDS, Kind

TEAM_LABEL = "argosy.dev/team"
ROLE_LABEL = "argosy.dev/role"
CONTROL_ROLE = "control"
# Documents by these names; no team is called so.
CONTROL, CLUSTER = "control", "cluster"


@dataclass(frozen=True)
class Shape:
    """Kinds whose images stand in the same places."""

    name: str
    kind: Kind
    resources: tuple[tuple[str, tuple[str, ...]], ...]  # group, plurals
    # What an update must have changed for its images to be looked at; without any, always.
    judged_fields: tuple[str, ...] = ()

    @property
    def namespaced(self) -> bool:
        return self.kind.namespaced

    def rules(self) -> list[dict[str, Any]]:
        """What the API server matches. Deletions add no image."""
        return [
            {
                "apiGroups": [group],
                # Whatever version somebody writes, there is one object.
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": list(plurals),
                "scope": "Namespaced" if self.namespaced else "Cluster",
            }
            for group, plurals in self.resources
        ]

    def team(self) -> str:
        """CEL: under which name the rules of an object's namespace stand."""
        if not self.namespaced:
            return f"'{CLUSTER}'"
        labels = "namespaceObject.metadata.labels"
        return (
            f"{labels}[?'{ROLE_LABEL}'].orValue('') == '{CONTROL_ROLE}' ? '{CONTROL}' : "
            f"{labels}['{TEAM_LABEL}']"
        )


def selector() -> dict[str, Any]:
    """Namespaces of teams: the platform alone sets this label."""
    return {"matchExpressions": [{"key": TEAM_LABEL, "operator": "Exists"}]}


def _of(group: str, kind: str) -> Kind:
    return KINDS[group, kind]


# A field of `status` is judged too: Argo's controller runs what it stored there.
_STORED = ("storedTemplates", "storedWorkflowTemplateSpec", "persistentVolumeClaims")

SHAPES: tuple[Shape, ...] = (
    Shape("pods", _of("", "Pod"), (("", ("pods", "pods/ephemeralcontainers")),)),
    Shape(
        "workloads",
        _of("apps", "Deployment"),
        (
            ("apps", ("deployments", "statefulsets", "daemonsets", "replicasets")),
            ("batch", ("jobs",)),
            ("", ("replicationcontrollers",)),
        ),
    ),
    Shape("cronjobs", _of("batch", "CronJob"), (("batch", ("cronjobs",)),)),
    Shape("podtemplates", _of("", "PodTemplate"), (("", ("podtemplates",)),)),
    Shape(
        "workflows",
        _of(ARGO, "Workflow"),
        ((ARGO, ("workflows",)),),
        ("spec", *(f"status.{field}" for field in _STORED)),
    ),
    Shape(
        "workflowtemplates",
        _of(ARGO, "WorkflowTemplate"),
        ((ARGO, ("workflowtemplates",)),),
        ("spec",),
    ),
    Shape("cronworkflows", _of(ARGO, "CronWorkflow"), ((ARGO, ("cronworkflows",)),), ("spec",)),
    Shape(
        "workflowtasksets",
        _of(ARGO, "WorkflowTaskSet"),
        ((ARGO, ("workflowtasksets",)),),
        ("spec",),
    ),
    Shape(
        "clusterworkflowtemplates",
        _of(ARGO, "ClusterWorkflowTemplate"),
        ((ARGO, ("clusterworkflowtemplates",)),),
        ("spec",),
    ),
)


def unchanged(shape: Shape) -> str:
    """CEL: an update that touched nothing where images stand."""
    same = " && ".join(
        f"{held(f'object.{f}')} == {held(f'oldObject.{f}')}" for f in shape.judged_fields
    )
    return f"oldObject != null && {same}"


def held(path: str) -> str:
    """CEL: what stands at this path of an object, or null."""
    top, *steps = path.split(".")
    return f"{top}{''.join(f'.?{step}' for step in steps)}.orValue(null)"
