"""Through a real API server, with the reader's account: a controller's figures, and nothing else."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.utils import timezone

from controlplane.clusters import base_release
from controlplane.clusters.credentials import sealed
from controlplane.clusters.models import Cluster
from controlplane.kube.errors import Forbidden
from controlplane.kube.gateway import KubeGateway
from controlplane.metrics import credentials, exposition
from controlplane.metrics.engine import Engine
from controlplane.objects import Manifest, ref_of
from controlplane.processes import metrics
from controlplane.processes.metrics import Keeper
from localcluster.build import metrics_programs
from localcluster.clusters import RunningCluster
from tests.factories import ClusterFactory, NamespaceFactory
from tests.prometheus import Controllers, Running, controller, controllers, hurried_rules

pytestmark = pytest.mark.cluster

READER = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Namespace")


@pytest.fixture(scope="module")
def config(platform_kubeconfig: Path) -> Manifest:
    """How the platform comes there: with its own role, so the reader is made and asked for with that."""
    found: Manifest = yaml.safe_load(platform_kubeconfig.read_text())
    platform = KubeGateway.from_kubeconfig(found)
    for manifest in base_release.manifests_for("platform"):
        if manifest["kind"] in READER:
            platform.apply(manifest)
    return found


@pytest.fixture(scope="module")
def kube(local_cluster: RunningCluster, config: Manifest) -> KubeGateway:
    """The cluster's admin, who plays a team's controller there."""
    return KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))


@pytest.fixture
def story() -> Iterator[Controllers]:
    """A controller on an address that an API server may be told of: loopback is none."""
    found = json.loads(
        subprocess.run(
            ["ip", "-4", "-j", "addr"], capture_output=True, check=True, timeout=10
        ).stdout
    )
    addresses = [a["local"] for link in found for a in link["addr_info"] if a["scope"] == "global"]
    if not addresses:
        pytest.skip("this machine has no address but loopback")
    with controllers(addresses[0]) as them:
        them.alone = True
        yield them


@pytest.fixture
def shop(kube: KubeGateway, story: Controllers) -> Iterator[str]:
    """A namespace with a controller's Service; the pod behind it is the stub."""
    name = f"shop-{uuid.uuid4().hex[:6]}"
    story.add("eu", "atlas", name, controller(Running=2))
    made = _objects(f"{name}-argo", story)
    for manifest in made:
        kube.apply(manifest)
    pod = made[1]
    path = f"/api/v1/namespaces/{name}-argo/pods/workflow-controller/status"
    address = urlsplit(story.url).hostname
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    kube._call("PATCH", path, None, {"status": status}, "application/merge-patch+json")
    yield name
    kube.delete(ref_of(pod))
    kube.delete(ref_of(made[0]))


def member(config: Manifest, **more: Any) -> Cluster:
    server = config["clusters"][0]["cluster"]["server"]
    return ClusterFactory(name="eu", server=server, sealed_kubeconfig=sealed(config, "eu"), **more)


@pytest.mark.django_db(transaction=True)
def test_the_engine_reads_a_controller_with_a_token_of_its_own(
    kube: KubeGateway,
    config: Manifest,
    shop: str,
    tmp_path: Path,
    live_server: Any,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    settings.HOME = tmp_path
    taken = exposition.Snapshots()
    monkeypatch.setattr(exposition, "snapshots", taken)
    embedded, rules = metrics.embedded, metrics.rule_file
    clock = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    monkeypatch.setattr(metrics, "embedded", lambda *a, **m: {**embedded(*a, **m), "global": clock})
    monkeypatch.setattr(metrics, "rule_file", lambda: hurried_rules(rules(), "1s"))
    NamespaceFactory(
        name=shop, team__slug="atlas", cluster=member(config), applied_at=timezone.now()
    )
    keeper = Keeper(metrics_programs(), tmp_path / "metrics", live_server.url)
    engine = Engine(f"http://127.0.0.1:{keeper._port()}")
    try:
        keeper.step()
        there = Running(engine, keeper, keeper.folder)
        there.until(f'namespace:workflows:sum{{cluster="eu",team="atlas",namespace="{shop}"}} == 2')
        there.until(f'namespace:controller_version:max{{version="v4.1.2",namespace="{shop}"}}')
    finally:
        keeper.stop()
        engine.close()
        taken.end()


@pytest.mark.django_db
def test_the_readers_token_opens_nothing_else(
    kube: KubeGateway, config: Manifest, shop: str, tmp_path: Path
) -> None:
    cluster = member(config)
    credentials.prepare(tmp_path, cluster)
    credentials.renew(tmp_path, cluster)
    reader = KubeGateway.from_kubeconfig(
        {
            **config,
            "users": [
                {**user, "user": {"token": (tmp_path / "token").read_text()}}
                for user in config["users"]
            ],
        }
    )
    there = f"/api/v1/namespaces/{shop}-argo/services"

    for path in (
        "/api/v1/secrets",
        "/api/v1/namespaces",
        f"/api/v1/namespaces/{shop}-argo/pods/workflow-controller/proxy/metrics",
        f"{there}/http:workflow-controller-metrics:other/proxy/metrics",
        f"{there}/http:argo-server:web/proxy/",
        f"{there}/workflow-controller-metrics",
    ):
        with pytest.raises(Forbidden):
            reader.read(path)
    with pytest.raises(Forbidden):
        reader.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})


def _objects(namespace: str, story: Controllers) -> list[Manifest]:
    url = urlsplit(story.url)
    of = {"namespace": namespace}
    port = {"name": "metrics", "port": url.port}
    pod = {"name": "workflow-controller", **of}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": pod,
            # A node that is nobody's: no simulated one gives the pod an address.
            "spec": {"nodeName": "elsewhere", "containers": [{"name": "c", "image": "stub"}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "workflow-controller-metrics", **of},
            "spec": {"clusterIP": "None", "ports": [{**port, "targetPort": url.port}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "workflow-controller-metrics-stub",
                "labels": {"kubernetes.io/service-name": "workflow-controller-metrics"},
                **of,
            },
            "addressType": "IPv4",
            "ports": [port],
            "endpoints": [
                {
                    "addresses": [url.hostname],
                    "conditions": {"ready": True},
                    "targetRef": {"kind": "Pod", **pod},
                }
            ],
        },
    ]
