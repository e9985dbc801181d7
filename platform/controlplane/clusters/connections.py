"""Opening a cluster: its credential becomes a door, kept open between turns."""

import atexit
import os
import shutil
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from controlplane.errors import DomainError
from controlplane.kube.door import Connection
from controlplane.kube.gateway import KubeGateway
from controlplane.kube.helm import Helm
from controlplane.sealing import CannotOpen, unseal
from localcluster.build import cache_root
from localcluster.recipes import KUBERNETES_PROGRAMS

from .credentials import identity
from .models import Cluster

_opening = threading.Lock()


def connect(cluster: Cluster) -> Connection:
    """The cluster's API and helm. The same credential gives the same connection.

    Raises DomainError where there is no credential, or it cannot be opened.
    """
    if not cluster.sealed_kubeconfig:
        raise CannotOpen(
            f"{cluster.name} was removed, and its credential with it: "
            f"`argosy cluster add {cluster.name} --kubeconfig FILE` registers it again."
        )
    with _opening:  # lru_cache alone would let two threads open it twice
        return _opened(cluster.sealed_kubeconfig, identity(cluster.name))


def endpoint_of(cluster: Cluster) -> dict[str, Any]:
    """Where the cluster's API server is and by whose certificate it is known: what people need of it too.

    Raises DomainError where there is no credential, or it cannot be opened.
    """
    config = orjson.loads(unseal(cluster.sealed_kubeconfig, of=identity(cluster.name)))
    return dict(config["clusters"][0]["cluster"])


def helm_program() -> str:
    """The helm to run: the one that is set, else the local cluster's, else the one on the PATH."""
    if settings.HELM:
        return str(settings.HELM)
    if (built := _local_programs() / "helm").is_file():
        return str(built)
    if found_on_path := shutil.which("helm"):
        return found_on_path
    raise DomainError(
        "There is no helm here: run `argosy local build`, or set ARGOSY_HELM to a helm 4.",
        code="no_helm",
    )


@lru_cache(maxsize=1)
def _local_programs() -> Path:
    """Where the local cluster's programs are, if they were built: looked up, never built here."""
    named = os.environ.get("ARGOSY_PROGRAMS")
    return Path(named) if named else cache_root() / "programs" / KUBERNETES_PROGRAMS.key()


@lru_cache(maxsize=1024)
def _opened(sealed: str, of: str) -> Connection:
    config = orjson.loads(unseal(sealed, of=of))
    path = _private_folder() / f"{len(list(_private_folder().iterdir()))}.kubeconfig"
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps(config))
    return Connection(
        kube=KubeGateway.from_kubeconfig(config), helm=Helm(path, executable=helm_program())
    )


@lru_cache(maxsize=1)
def _private_folder() -> Path:
    """Where helm finds its kubeconfigs: ours alone, gone when the process ends.

    What a killed process left there is taken away by the next one that starts.
    """
    ours = settings.HOME / "run"
    ours.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in ours.iterdir():
        if not Path("/proc", left.name).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = ours / str(os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
