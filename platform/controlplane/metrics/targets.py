"""Which controllers there are to scrape on a cluster, and the identity each is known by."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from controlplane.clusters.models import Cluster
from tenants.models import TenantNamespace
from tenants.names import control_namespace

from .identity import CLUSTER, NAMESPACE, TEAM

SERVICE = "workflow-controller-metrics"  # of charts/team-argo
PORT = 9090
PORT_NAME = "metrics"
PATH = "/metrics"
# As the API server's proxy names it: the scheme, the Service, its port. Plain HTTP inside the cluster.
PROXIED = f"http:{SERVICE}:{PORT_NAME}"

Group = dict[str, object]


@dataclass(frozen=True, order=True)
class Target:
    """One team's controller on one cluster."""

    cluster: str
    team: str
    namespace: str  # the workload namespace; the controller itself lives beside it

    @property
    def labels(self) -> dict[str, str]:
        """Whose its series are. Of several behind one address, `instance` tells them apart."""
        return {
            CLUSTER: self.cluster,
            TEAM: self.team,
            NAMESPACE: self.namespace,
            "instance": self.namespace,
        }


def targets_on(cluster: Cluster) -> tuple[Target, ...]:
    """The controllers that should run there; none where pods run nothing."""
    if cluster.simulated:
        return ()
    found = TenantNamespace.objects.live().filter(cluster=cluster, applied_at__isnull=False)
    named = found.order_by("name").values_list("team__slug", "name")
    return tuple(Target(cluster.name, team, name) for team, name in named)


def through_the_api_server(targets: Iterable[Target], server: str) -> list[Group]:
    """As http_sd lists them for an engine outside the cluster: by way of its API server."""
    url = urlsplit(server)
    address = f"{_bracketed(url.hostname or '')}:{url.port or 443}"
    return [
        {
            "targets": [address],
            "labels": {
                **target.labels,
                "__metrics_path__": (
                    f"{url.path.rstrip('/')}/api/v1/namespaces/{control_namespace(target.namespace)}"
                    f"/services/{PROXIED}/proxy{PATH}"
                ),
            },
        }
        for target in targets
    ]


def inside(targets: Iterable[Target]) -> list[Group]:
    """As http_sd lists them for an engine in the cluster: by the name of the Service."""
    return [
        {
            "targets": [f"{SERVICE}.{control_namespace(target.namespace)}.svc:{PORT}"],
            "labels": target.labels,
        }
        for target in targets
    ]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
