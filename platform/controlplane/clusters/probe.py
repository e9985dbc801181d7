"""Asking a cluster whether it is there: one small call, an answer or a reason."""

from controlplane.errors import DomainError
from controlplane.kube.errors import KubeError, Sealed

from .connections import connect
from .models import Cluster


def ask(cluster: Cluster) -> KubeError | None:
    """None if the API server says it is ready, else why not."""
    try:
        connect(cluster).kube.read("/readyz")
    except KubeError as exc:
        return exc
    except DomainError as exc:  # its credential cannot be opened: it cannot be reached by us
        return Sealed(exc.sentence)
    return None
