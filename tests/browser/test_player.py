"""The player moves a workflow on a real API server as Argo's controller would."""

import uuid
from collections.abc import Iterator

import pytest
import yaml

from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref
from localcluster.clusters import RunningCluster

from . import player
from .workflows import ARGO, SHAPE

pytestmark = pytest.mark.cluster


@pytest.fixture
def kube(local_cluster: RunningCluster) -> KubeGateway:
    return KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))


@pytest.fixture
def namespace(kube: KubeGateway) -> Iterator[str]:
    name = f"played-{uuid.uuid4().hex[:8]}"
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kube.delete(Ref("v1", "Namespace", "", name))


def test_a_submitted_workflow_comes_to_its_end(kube: KubeGateway, namespace: str) -> None:
    meta = {"name": "settle-1", "namespace": namespace}
    kube.create({"apiVersion": ARGO, "kind": "Workflow", "metadata": meta, "spec": SHAPE})

    name = player.finish(kube, namespace)

    found = kube.get(Ref(ARGO, "Workflow", namespace, name))
    assert found is not None
    assert found["status"]["phase"] == "Succeeded"
    assert {node["phase"] for node in found["status"]["nodes"].values()} == {"Succeeded"}
