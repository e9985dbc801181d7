"""Where each kind we touch lives in the API: no discovery, for we know what we use.

A kind that is not in this table cannot pass the door at all.
"""

from dataclasses import dataclass
from urllib.parse import quote

from controlplane.objects import Ref


@dataclass(frozen=True)
class Resource:
    """One row: the URL's plural, and whether objects of it live in a namespace."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True


_ARGO = "argoproj.io/v1alpha1"
_RBAC = "rbac.authorization.k8s.io/v1"
_ADMISSION = "admissionregistration.k8s.io/v1"

RESOURCES: dict[tuple[str, str], Resource] = {
    (r.api_version, r.kind): r
    for r in (
        Resource("v1", "Namespace", "namespaces", namespaced=False),
        Resource("v1", "Node", "nodes", namespaced=False),
        Resource("v1", "ConfigMap", "configmaps"),
        Resource("v1", "Event", "events"),
        Resource("v1", "LimitRange", "limitranges"),
        Resource("v1", "Pod", "pods"),
        Resource("v1", "PodTemplate", "podtemplates"),
        Resource("v1", "ReplicationController", "replicationcontrollers"),
        Resource("v1", "ResourceQuota", "resourcequotas"),
        Resource("v1", "Secret", "secrets"),
        Resource("v1", "Service", "services"),
        Resource("v1", "ServiceAccount", "serviceaccounts"),
        Resource("apps/v1", "DaemonSet", "daemonsets"),
        Resource("apps/v1", "Deployment", "deployments"),
        Resource("apps/v1", "ReplicaSet", "replicasets"),
        Resource("apps/v1", "StatefulSet", "statefulsets"),
        Resource("batch/v1", "CronJob", "cronjobs"),
        Resource("batch/v1", "Job", "jobs"),
        Resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
        Resource("networking.k8s.io/v1", "Ingress", "ingresses"),
        Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
        Resource(_RBAC, "ClusterRole", "clusterroles", namespaced=False),
        Resource(_RBAC, "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
        Resource(_RBAC, "Role", "roles"),
        Resource(_RBAC, "RoleBinding", "rolebindings"),
        Resource("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", namespaced=False),
        Resource(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            namespaced=False,
        ),
        Resource(
            _ADMISSION,
            "ValidatingAdmissionPolicy",
            "validatingadmissionpolicies",
            namespaced=False,
        ),
        Resource(
            _ADMISSION,
            "ValidatingAdmissionPolicyBinding",
            "validatingadmissionpolicybindings",
            namespaced=False,
        ),
        Resource(
            _ADMISSION,
            "ValidatingWebhookConfiguration",
            "validatingwebhookconfigurations",
            namespaced=False,
        ),
        Resource(
            "authentication.k8s.io/v1",
            "SelfSubjectReview",
            "selfsubjectreviews",
            namespaced=False,
        ),
        Resource(
            "authorization.k8s.io/v1",
            "SelfSubjectAccessReview",
            "selfsubjectaccessreviews",
            namespaced=False,
        ),
        Resource(_ARGO, "Workflow", "workflows"),
        Resource(_ARGO, "WorkflowTemplate", "workflowtemplates"),
        Resource(_ARGO, "CronWorkflow", "cronworkflows"),
        Resource(_ARGO, "WorkflowTaskSet", "workflowtasksets"),
        Resource(_ARGO, "ClusterWorkflowTemplate", "clusterworkflowtemplates", namespaced=False),
    )
}


def resource_of(api_version: str, kind: str) -> Resource:
    """The row of a kind. A KeyError here is a mistake of ours: such manifests are refused before."""
    return RESOURCES[api_version, kind]


def collection_path(api_version: str, kind: str, namespace: str = "") -> str:
    """The URL path of all objects of a kind, in one namespace or, with none, everywhere."""
    resource = resource_of(api_version, kind)
    root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
    scope = f"/namespaces/{namespace}" if resource.namespaced and namespace else ""
    return f"{root}{scope}/{resource.plural}"


def object_path(ref: Ref) -> str:
    """The URL path of one object. Raises ValueError for a name that would lead elsewhere."""
    if ref.name in {"", ".", ".."}:
        raise ValueError(f"{ref.name!r} names no object")
    # RBAC's names may have a colon; what else is quoted is no name, and stays one step of the path.
    name = quote(ref.name, safe=":")
    return f"{collection_path(ref.api_version, ref.kind, ref.namespace)}/{name}"
