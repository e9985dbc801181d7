"""The programs that make a cluster: from which package, and how long each usually takes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
KUBERNETES = "v1.37.1"
HELM = "v4.2.4"
PROMETHEUS = "3.15.0"


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its name, its package, and its usual seconds with two cores, from nothing."""

    name: str
    package: str
    usual_seconds: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """A Go module and the programs built from it, all with the same flags."""

    title: str
    module: Path
    programs: tuple[Program, ...]
    tags: str = ""
    ldflags: str = "-s -w"

    def key(self) -> str:
        """Changes whenever the programs could come out differently."""
        digest = hashlib.sha256()
        sources = sorted(
            path for path in self.module.rglob("*") if path.suffix in {".go", ".mod", ".sum"}
        )
        own = [path for path in sources if self._belongs(path)]
        for path in own:
            digest.update(f"{path.relative_to(self.module)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        digest.update(f"{self.tags}\0{self.ldflags}\0".encode())
        return digest.hexdigest()[:20]

    def _belongs(self, path: Path) -> bool:
        """False for the files of another module in a folder below."""
        inner = path.parent
        while inner != self.module:
            if (inner / "go.mod").exists():
                return False
            inner = inner.parent
        return True


def _stamps() -> str:
    # Unstamped, the API server calls itself v0.0.0 and charts with a kubeVersion refuse it;
    # helm says "v4.2", which its Python client cannot read.
    parts = ["-s", "-w"]
    major, minor, _patch = KUBERNETES.removeprefix("v").split(".")
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        stamps = {
            "gitVersion": KUBERNETES,
            "gitMajor": major,
            "gitMinor": minor,
            "gitTreeState": "clean",
            "gitCommit": "0" * 40,
            "buildDate": "1970-01-01T00:00:00Z",
        }
        parts += [f"-X {package}.{name}={value}" for name, value in stamps.items()]
    helm = "helm.sh/helm/v4/internal/version"
    parts += [f"-X {helm}.version={HELM}", f"-X {helm}.gitTreeState=clean"]
    return " ".join(parts)


# One module and one set of flags for all of them: what they share is compiled once.
KUBERNETES_PROGRAMS = Recipe(
    title="Kubernetes programs",
    module=HERE / "programs",
    tags="selinux,notest,grpcnotrace",
    ldflags=_stamps(),
    programs=(
        Program("etcd", "go.etcd.io/etcd/server/v3", 40),
        Program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", 225),
        Program("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", 85),
        Program("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler", 8),
        Program("kwok", "sigs.k8s.io/kwok/cmd/kwok", 8),
        Program("helm", "helm.sh/helm/v4/cmd/helm", 22),
        Program("kubectl", "k8s.io/kubernetes/cmd/kubectl", 16),
        Program("kubelet", "k8s.io/kubernetes/cmd/kubelet", 26),
        Program("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy", 11),
    ),
)
# The engine of metrics. It finds targets by http_sd alone, so the clients of all clouds are left out.
METRICS_PROGRAMS = Recipe(
    title="metrics programs",
    module=HERE / "programs" / "prometheus",
    tags="netgo,remove_all_sd",
    ldflags=f"-s -w -X github.com/prometheus/common/version.Version={PROMETHEUS}",
    programs=(
        Program("prometheus", "github.com/prometheus/prometheus/cmd/prometheus", 200),
        Program("promtool", "github.com/prometheus/prometheus/cmd/promtool", 60),
    ),
)
IMAGE_PROGRAMS = Recipe(
    title="image programs",
    module=HERE / "programs" / "images",
    programs=(Program("pause", "./pause", 2), Program("say", "./say", 2)),
)
