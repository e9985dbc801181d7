"""The configuration files of a real node's programs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster.images import PAUSE
from localcluster.machine import BRIDGE, CGROUP, RUN, Network


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Where a real node keeps its things, and how it is reached."""

    folder: Path
    network: Network
    client_ca: Path
    proxy_kubeconfig: Path
    kubelet_port: int
    kubelet_health_port: int
    proxy_metrics_port: int
    proxy_health_port: int
    snapshotter: str

    @property
    def socket(self) -> Path:
        return RUN / "containerd.sock"

    @property
    def containerd(self) -> Path:
        return self.folder / "containerd.toml"

    @property
    def networks(self) -> Path:
        return self.folder / "cni"

    @property
    def kubelet(self) -> Path:
        return self.folder / "kubelet.json"

    @property
    def proxy(self) -> Path:
        return self.folder / "kube-proxy.json"


def write(config: NodeConfig) -> None:
    """Write all of them."""
    config.networks.mkdir(parents=True, exist_ok=True)
    config.containerd.write_text(_containerd(config))
    (config.networks / "10-argosy.conflist").write_text(_json(_network(config)))
    config.kubelet.write_text(_json(_kubelet(config)))
    config.proxy.write_text(_json(_proxy(config)))


def _containerd(config: NodeConfig) -> str:
    # Without restrict_oom_score_adj no pod starts where the machine denies CAP_SYS_RESOURCE; with
    # the network namespaces under our own folder, nothing is left in /run/netns after a crash.
    return f"""\
version = 2
root = {json.dumps(str(config.folder / "containerd"))}
state = {json.dumps(str(RUN / "containerd"))}
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = {json.dumps(str(config.socket))}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{config.snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = {json.dumps(str(config.networks))}
"""


def _network(config: NodeConfig) -> dict[str, Any]:
    return {
        "cniVersion": "0.4.0",
        "name": "argosy",
        "plugins": [
            {
                "type": "bridge",
                "bridge": BRIDGE,
                "isGateway": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": config.network.subnet}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": str(RUN / "addresses"),
                },
            }
        ],
    }


def _kubelet(config: NodeConfig) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": config.network.gateway,
        "port": config.kubelet_port,
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": config.kubelet_health_port,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(config.client_ca)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{config.socket}",
        # Both generations of cgroups, without systemd.
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        # Images may have come from archives and could not be had again: keep them.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "maxPods": 100,
        "podLogsDir": str(config.folder / "pod-logs"),
        "serializeImagePulls": False,
        # A node of one machine, watched by people: look more often than in a large cluster.
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
    }


def _proxy(config: NodeConfig) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(config.proxy_kubeconfig)},
        "clusterCIDR": config.network.subnet,
        "bindAddress": "127.0.0.1",
        # Nought: leave the machine's own settings of connection tracking alone.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "metricsBindAddress": f"127.0.0.1:{config.proxy_metrics_port}",
        "healthzBindAddress": f"127.0.0.1:{config.proxy_health_port}",
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1)
