"""The control plane of one cluster: API server, controllers, scheduler, simulated kubelet."""

import os
from dataclasses import dataclass
from pathlib import Path

from localcluster import api, kubeconfig, services
from localcluster.api import Api
from localcluster.processes import Daemon
from localcluster.services import Service
from localcluster.slots import LOOPBACK, Slot

HERE = Path(__file__).parent
SERVICES = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"
ISSUER = "https://kubernetes.default.svc.cluster.local"
# In the order they are stopped: what needs the API server first, the API server last.
DAEMONS = ("kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver")
# What its collector aims at; above it an API server spends its time collecting. 500 teams' policies
# need more: ARGOSY_API_SERVER_MEMORY.
MEMORY = "450MiB"
BESIDE = "beside"  # what others run beside the cluster; see beside.py
AUDIT_LOG = "audit.log"
AUDIT_MIB, AUDIT_FILES = 8, 1  # before it is begun anew, and how many old ones stay
HEALTH_PATHS = "--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics"


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """Everything its command lines need to know."""

    name: str
    folder: Path
    programs: Path
    slot: Slot
    etcd_url: str
    etcd_pki: Path
    address: str = LOOPBACK

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def prefix(self) -> str:
        return f"/{self.name}"

    @property
    def api(self) -> Api:
        return Api(self.address, self.slot.port(0), self.pki)


def write_kubeconfigs(plane: ControlPlane) -> None:
    """One kubeconfig for people, one for each program that talks to the API server."""
    for user in ("admin", "controller-manager", "scheduler", "kwok"):
        path = plane.kubeconfig if user == "admin" else _kubeconfig(plane, user)
        kubeconfig.write(path, pki=plane.pki, user=user, server=plane.api.url, cluster=plane.name)


def start_api_server(plane: ControlPlane) -> None:
    services.ensure(_api_server(plane))


def start_controllers(plane: ControlPlane) -> None:
    """Everything that works on the API server, all at once: each waits for the same thing."""
    begun = [
        services.begin(service)
        for service in (_controller_manager(plane), _scheduler(plane), _kwok(plane))
    ]
    for started in begun:
        services.finish(started)


def daemons(folder: Path) -> tuple[Daemon, ...]:
    """In the order they are stopped."""
    return tuple(Daemon(folder, name) for name in DAEMONS)


def stop(folder: Path) -> None:
    """What others run beside it goes first: it calls the API server.

    And once more at the end: who keeps it running there may have started it again while the API server
    still answered, and nobody would come back for it.
    """
    _stop_beside(folder)
    for daemon in daemons(folder):
        daemon.stop()
    _stop_beside(folder)


def _stop_beside(folder: Path) -> None:
    for file in sorted((folder / BESIDE).glob("*.pid")):
        Daemon(file.parent, file.stem).stop()


def stop_controller_manager(folder: Path) -> None:
    Daemon(folder, "kube-controller-manager").stop()


def _kubeconfig(plane: ControlPlane, user: str) -> Path:
    return plane.pki / f"{user}.kubeconfig"


def _api_server(plane: ControlPlane) -> Service:
    pki, port = plane.pki, plane.slot.port(0)
    # A real node's pods reach the API server at the address that is published here; on loopback
    # nobody could, so nothing is published.
    reconciler = "none" if plane.address == LOOPBACK else "lease"
    command = (
        plane.programs / "kube-apiserver",
        f"--etcd-servers={plane.etcd_url}",
        f"--etcd-cafile={plane.etcd_pki / 'ca.crt'}",
        f"--etcd-certfile={plane.etcd_pki / 'admin.crt'}",
        f"--etcd-keyfile={plane.etcd_pki / 'admin.key'}",
        f"--etcd-prefix={plane.prefix}",
        f"--bind-address={plane.address}",
        f"--secure-port={port}",
        f"--advertise-address={plane.address}",
        f"--endpoint-reconciler-type={reconciler}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--service-cluster-ip-range={SERVICES}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
        "--profiling=false",
        f"--audit-policy-file={HERE / 'audit.yaml'}",
        f"--audit-log-path={plane.folder / AUDIT_LOG}",
        f"--audit-log-maxsize={AUDIT_MIB}",
        f"--audit-log-maxbackup={AUDIT_FILES}",
    )
    return Service(
        daemon=Daemon(plane.folder, "kube-apiserver"),
        command=command,
        ready=plane.api.ready,
        ports=(port,),
        address=plane.address,
        environment={"GOMEMLIMIT": os.environ.get("ARGOSY_API_SERVER_MEMORY", MEMORY)},
    )


def _controller_manager(plane: ControlPlane) -> Service:
    pki, port = plane.pki, plane.slot.port(1)
    command = (
        plane.programs / "kube-controller-manager",
        f"--kubeconfig={_kubeconfig(plane, 'controller-manager')}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        HEALTH_PATHS,
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        "--use-service-account-credentials=true",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--leader-elect=false",
        # Simulated nodes send no heartbeats: with the usual patience they would turn NotReady.
        "--node-monitor-grace-period=24h",
        # A quota that counts a kind the controllers did not know yet is looked at again only in
        # this rhythm; five minutes is the default, and nobody wants to watch that.
        "--resource-quota-sync-period=2s",
        # A hundred teams coming up at once are a burst; the defaults are for shared clusters.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    )
    return Service(
        daemon=Daemon(plane.folder, "kube-controller-manager"),
        command=command,
        ready=lambda: api.healthy(port, tls=True),
        ports=(port,),
    )


def _scheduler(plane: ControlPlane) -> Service:
    port = plane.slot.port(2)
    command = (
        plane.programs / "kube-scheduler",
        f"--kubeconfig={_kubeconfig(plane, 'scheduler')}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        HEALTH_PATHS,
        "--leader-elect=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    )
    return Service(
        daemon=Daemon(plane.folder, "kube-scheduler"),
        command=command,
        ready=lambda: api.healthy(port, tls=True),
        ports=(port,),
    )


def _kwok(plane: ControlPlane) -> Service:
    port = plane.slot.port(3)
    command = (
        plane.programs / "kwok",
        f"--kubeconfig={_kubeconfig(plane, 'kwok')}",
        f"--config={HERE / 'kwok.yaml'}",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-ip=127.0.0.1",
        "--cidr=10.200.0.0/16",
        f"--server-address=127.0.0.1:{port}",
    )
    return Service(
        daemon=Daemon(plane.folder, "kwok"),
        command=command,
        ready=lambda: api.healthy(port),
        ports=(port,),
    )
