"""What somebody else runs beside a cluster: a folder, a port that is nobody's, and an end with the cluster.

What it is, is not known here: a program of theirs, kept as `processes.Daemon` in that folder.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from localcluster import slots
from localcluster.clusters import ClusterStatus
from localcluster.control_plane import AUDIT_LOG, BESIDE

PORT = 8  # of the cluster's ten


@dataclass(frozen=True, slots=True)
class Beside:
    """Where a program beside this cluster lives, and where the API server can call it."""

    folder: Path
    address: str
    port: int
    audit_log: Path


def beside(cluster: ClusterStatus) -> Beside:
    """The place beside a cluster that was brought up."""
    folder = cluster.kubeconfig.parent
    return Beside(
        folder=folder / BESIDE,
        # Where the API server itself listens it can be called back: loopback, or the bridge of real nodes.
        address=urlsplit(cluster.server).hostname or slots.LOOPBACK,
        port=slots.reserve(folder).port(PORT),
        audit_log=folder / AUDIT_LOG,
    )
