"""A running cluster for tests: simulated nodes, a home of its own, always torn down."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import yaml

from controlplane.clusters.rights import NAME as PLATFORM
from controlplane.clusters.rights import RBAC, Right, needed, role
from controlplane.kube.gateway import KubeGateway
from localcluster import clusters, etcd, kubeconfig, pki
from localcluster.clusters import RunningCluster
from localcluster.home import Home
from localcluster.processes import Daemon
from tests.charts.api import connected

CRDS = Path(__file__).parents[1] / "platform/controlplane/clusters/base/10-crds.yaml"
PREFIX = "argosy-test-cluster-"
OWNED = "owned-by-a-test-run"


@pytest.fixture(scope="session")
def cluster_home() -> Iterator[Home]:
    """A home that no other test run shares; whatever runs in it is stopped at the end."""
    sweep_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    home = Home(folder)
    draft = folder / "draft"
    with draft.open("w") as owned:
        # Locked first, named then: a sweep must never find it named and unlocked.
        fcntl.flock(owned, fcntl.LOCK_EX)
        draft.rename(folder / OWNED)
        try:
            yield home
        finally:
            clusters.down_all(home=home)
            shutil.rmtree(folder)


@pytest.fixture(scope="session")
def local_cluster(cluster_home: Home) -> RunningCluster:
    """One real API server with simulated nodes, shared by the whole test run."""
    return _up(cluster_home)


@pytest.fixture(scope="session")
def bare_cluster(cluster_home: Home) -> RunningCluster:
    """Another, without the platform's base: the policy of a test is the only one that acts there."""
    return _up(cluster_home, "bare")


@pytest.fixture(scope="session")
def charts_cluster(cluster_home: Home) -> RunningCluster:
    """One for charts: what stands for the platform in its base is not what does in other tests' base."""
    return _up(cluster_home, "charts")


@pytest.fixture(scope="session")
def searched_cluster(cluster_home: Home) -> RunningCluster:
    """One that a single platform writes to, and of which every object is read."""
    return _up(cluster_home, "searched")


@pytest.fixture(scope="session")
def platform_kubeconfig(local_cluster: RunningCluster, cluster_home: Home) -> Path:
    """How the platform comes to the cluster: with the role that it prints, and nothing else."""
    return account_with_the_role(local_cluster, cluster_home)


@pytest.fixture
def platform_kube(platform_kubeconfig: Path) -> KubeGateway:
    """The cluster as the platform sees it: what it may not do is refused."""
    return KubeGateway.from_kubeconfig(yaml.safe_load(platform_kubeconfig.read_text()))


def account_with_the_role(
    cluster: RunningCluster, home: Home, user: str = PLATFORM, rights: Iterable[Right] | None = None
) -> Path:
    """The kubeconfig of a user who has the platform's role there (or these rights), given by its admin."""
    held = role(needed() if rights is None else rights, name=user)
    binding = {
        "apiVersion": held["apiVersion"],
        "kind": "ClusterRoleBinding",
        "metadata": {"name": user},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": user},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
    }
    with connected(cluster.kubeconfig) as admin:
        for manifest in (held, binding):
            admin.apply(manifest).must()
    folder = home.cluster(cluster.name)
    path = folder / f"{user}.kubeconfig"
    if not path.exists():
        pki.issue(folder / "pki", pki.Leaf(user, user))
        kubeconfig.write(
            path, pki=folder / "pki", user=user, server=cluster.server, cluster=cluster.name
        )
    return path


@pytest.fixture(scope="session")
def forget_the_past(local_cluster: RunningCluster, cluster_home: Home) -> Callable[..., None]:
    """Compact etcd and restart the API server: nobody can go on from what they saw before."""

    def forget(name: str = local_cluster.name) -> None:
        api = etcd._api(cluster_home)
        revision = json.loads(api.request("POST", "/v3/maintenance/status", {})[1])["header"][
            "revision"
        ]
        said = {"revision": revision, "physical": True}
        assert api.request("POST", "/v3/kv/compaction", said)[0] == 200
        Daemon(cluster_home.cluster(name), "kube-apiserver").stop()
        _up(cluster_home, name)

    return forget


def _up(home: Home, name: str = "tests") -> RunningCluster:
    # The kinds that quotas count are there from the start: the controllers look for new ones every 30 s.
    crds = [m for m in yaml.safe_load_all(CRDS.read_text(encoding="utf-8")) if m]
    return clusters.up(name, node="simulated", home=home, durable=False, crds=crds)


def sweep_abandoned() -> None:
    """End what a killed test run left behind: its lock is free, for its process is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with (folder / OWNED).open() as owned:
                if folder.stat().st_uid != os.getuid():
                    continue
                fcntl.flock(owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
                clusters.down_all(home=Home(folder))
                shutil.rmtree(folder)
        except OSError:
            # Another run owns it, is just making it, or swept it first.
            continue
