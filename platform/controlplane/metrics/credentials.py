"""What the engine needs to read from a cluster, in files of its own: a token that ends, and whom to believe.

The token is of an account that may ask for one Service's answer and for nothing else
(`clusters/base/70-metrics-reader.yaml`); the platform's own credential never leaves the platform.
"""

import base64
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from cryptography import x509

from controlplane.clusters.connections import connect
from controlplane.clusters.credentials import opened
from controlplane.clusters.models import Cluster

from . import tokens

SYSTEM, ACCOUNT = "argosy-system", "argosy-metrics"  # of clusters/base/70-metrics-reader.yaml
LASTS = timedelta(hours=12)
RENEWED_BEFORE = timedelta(hours=6)


@dataclass(frozen=True)
class Known:
    """Where a cluster is and whom to believe there, of its kubeconfig."""

    authority: bytes
    server_name: str

    @classmethod
    def of(cls, cluster: Cluster) -> "Known":
        """Raises DomainError if its credential cannot be opened, ValueError if that names no authority.

        Looked at here: an engine that is given a bad one for one cluster takes none of the others' news.
        """
        member = opened(cluster)["clusters"][0]["cluster"]
        authority = base64.b64decode(member["certificate-authority-data"])
        x509.load_pem_x509_certificates(authority)
        return cls(authority, str(member.get("tls-server-name", "")))


def is_due(folder: Path, cluster: Cluster, now: datetime) -> bool:
    """Whether the token there is another cluster's, ends soon, or is not there."""
    try:
        kept = orjson.loads((folder / "token.json").read_bytes())
        ends = datetime.fromisoformat(kept["ends"])
        of = kept["of"]
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return bool(of != _of(cluster)) or ends - now < RENEWED_BEFORE


def renew(folder: Path, cluster: Cluster) -> None:
    """A new token in its file. Raises KubeError and DomainError; then the old one stays, while it lasts."""
    kube = connect(cluster).kube
    plain, ends = kube.account_token(SYSTEM, ACCOUNT, seconds=int(LASTS.total_seconds()))
    keep(folder / "token", plain.encode())
    about = {"of": _of(cluster), "ends": ends.isoformat()}
    keep(folder / "token.json", orjson.dumps(about))


def prepare(folder: Path, cluster: Cluster) -> Known:
    """The files beside the token. Raises DomainError."""
    known = Known.of(cluster)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep(folder / "ca.crt", known.authority)
    keep(folder / "discovery", tokens.for_targets(cluster).encode())
    if not (folder / "token").exists():
        keep(folder / "token", b"none-yet")  # an engine does not start where a named file is not
    return known


def keep(file: Path, content: bytes) -> bool:
    """For our own eyes, and whole; True if that is news."""
    try:
        if file.read_bytes() == content:
            return False
    except FileNotFoundError:
        pass
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(file)
    return True


def _of(cluster: Cluster) -> str:
    return f"{cluster.pk} {cluster.uid} {cluster.server}"
