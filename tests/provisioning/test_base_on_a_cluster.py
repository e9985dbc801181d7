"""The base on a real API server, with the platform's own role: at rest nothing is done, drift is put back."""

from pathlib import Path

import pytest
from django.utils import timezone

from controlplane.clusters import base_release, kubeconfig
from controlplane.clusters.connections import connect
from controlplane.clusters.credentials import sealed
from controlplane.clusters.models import Cluster
from controlplane.kube.errors import Refused
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref
from provisioning import base
from tests.factories import ClusterFactory

pytestmark = [pytest.mark.cluster, pytest.mark.django_db]

ADMISSION = "admissionregistration.k8s.io/v1"
POLICY = Ref(ADMISSION, "ValidatingAdmissionPolicy", "", "argosy-workload-pods")
BINDING = Ref(ADMISSION, "ValidatingAdmissionPolicyBinding", "", "argosy-control-pods")
KIND = Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "workflows.argoproj.io")
RETIRED = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "argosy-admission", "namespace": "argosy-system"},
}


@pytest.fixture
def admin(cluster: Cluster, local_cluster: object) -> KubeGateway:
    """Somebody of the cluster's own."""
    text = Path(local_cluster.kubeconfig).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    return KubeGateway.from_kubeconfig(kubeconfig.checked(text))


@pytest.fixture
def cluster(platform_kubeconfig: Path) -> Cluster:
    """The real one with the base in place, looked at once."""
    config = kubeconfig.checked(platform_kubeconfig.read_text(encoding="utf-8"))
    row: Cluster = ClusterFactory(
        name="local",
        sealed_kubeconfig=sealed(config, "local"),
        server=kubeconfig.server_of(config),
    )
    base_release.install(connect(row), {})
    base.tend(row)
    row.refresh_from_db()
    assert row.base_message == ""
    assert row.base_version == base_release.version()
    return row


def versions(kube: KubeGateway) -> dict[str, str]:
    found = (kube.get(ref) for ref in (POLICY, BINDING, KIND))
    return {m["metadata"]["name"]: m["metadata"]["resourceVersion"] for m in found if m}


def test_at_rest_nothing_is_written(cluster: Cluster, admin: KubeGateway) -> None:
    before = versions(admin)

    assert base.tend(cluster) == ""

    assert versions(admin) == before


def test_what_somebody_narrows_and_deletes_is_put_back_and_told(
    cluster: Cluster, admin: KubeGateway
) -> None:
    narrower = {"spec": {"matchConstraints": {"objectSelector": {"matchLabels": {"a": "b"}}}}}
    admin.patch(POLICY, narrower, manager="kubectl-edit")
    admin.delete(BINDING)

    said = base.tend(cluster)

    assert "ValidatingAdmissionPolicy argosy-workload-pods (changed by kubectl-edit" in said
    assert "ValidatingAdmissionPolicyBinding argosy-control-pods (it was gone)" in said
    assert "'a': 'b'" not in str(admin.get(POLICY))
    assert admin.get(BINDING) is not None
    assert base.tend(cluster) == ""


def test_a_binding_that_only_warns_denies_again_though_an_apply_would_ask_for_both(
    cluster: Cluster, admin: KubeGateway
) -> None:
    told_only = {"spec": {"validationActions": ["Warn"]}}
    admin.patch(BINDING, told_only, manager="kubectl-edit")

    said = base.tend(cluster)

    assert "argosy-control-pods (changed by kubectl-edit" in said
    assert (admin.get(BINDING) or {})["spec"]["validationActions"] == ["Deny"]
    assert base.tend(cluster) == ""

    admin.patch(BINDING, told_only, manager="kubectl-edit")
    base_release.install(connect(cluster), {})
    assert (admin.get(BINDING) or {})["spec"]["validationActions"] == ["Deny"]


def test_an_older_base_is_brought_up_to_date_and_what_it_left_is_swept(
    cluster: Cluster, admin: KubeGateway
) -> None:
    admin.apply(RETIRED)
    Cluster.objects.update(base_version="0.0.1-old", base_checked_at=timezone.now())
    cluster.refresh_from_db()

    base.tend(cluster)

    assert admin.get(Ref("v1", "ConfigMap", "argosy-system", "argosy-admission")) is None
    cluster.refresh_from_db()
    assert cluster.base_version == base_release.version()


def test_a_kind_that_workflows_are_of_is_deleted_by_nobody(
    cluster: Cluster, admin: KubeGateway
) -> None:
    with pytest.raises(Refused, match="teams of this cluster stand on"):
        admin.delete(KIND)

    assert admin.get(KIND) is not None
