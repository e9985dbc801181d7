"""What the cluster itself says is there: read from its API, not from the platform."""

from pathlib import Path

import yaml
from rich.table import Table

from controlplane.cli.show import console
from controlplane.kube import storage
from controlplane.kube.gateway import KubeGateway

RBAC = "rbac.authorization.k8s.io/v1"


def show(kubeconfig: Path, namespace: str) -> None:
    """Namespaces, quota, bindings, release and pods, as the API server lists them."""
    kube = KubeGateway.from_kubeconfig(yaml.safe_load(kubeconfig.read_text(encoding="utf-8")))
    control = f"{namespace}-argo"
    table = Table("kind", "namespace", "name", "says", title="From the cluster's own API server")
    for found in kube.list("v1", "Namespace", labels=f"argosy.dev/namespace={namespace}"):
        table.add_row("Namespace", "", found["metadata"]["name"], found["status"]["phase"])
    for found in kube.list("v1", "ResourceQuota", namespace):
        for key, used in sorted((found["status"].get("used") or {}).items()):
            hard = found["status"]["hard"][key]
            table.add_row("ResourceQuota", namespace, key, f"{used} of {hard}")
    for where in (namespace, control):
        for found in kube.list(RBAC, "RoleBinding", where):
            name = found["metadata"]["name"]
            table.add_row("RoleBinding", where, name, f"to {found['roleRef']['name']}")
    for name, release in storage.newest_of(
        kube.list("v1", "Secret", control, labels="owner=helm")
    ).items():
        table.add_row(
            "Helm release", control, name, f"{release.status}, revision {release.revision}"
        )
    for found in kube.list("v1", "Pod", control):
        phase = (found.get("status") or {}).get("phase", "")
        on = found["spec"].get("nodeName", "no node yet")
        table.add_row("Pod", control, found["metadata"]["name"], f"{phase} on {on}")
    console.print(table)
