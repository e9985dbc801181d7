"""The one etcd that all clusters of a home share, each under its own prefix."""

import base64
from pathlib import Path

from localcluster import api, services, slots
from localcluster.errors import LocalClusterError
from localcluster.home import Home
from localcluster.processes import Daemon
from localcluster.services import Service

HTTP_OK = 200


def daemon(home: Home) -> Daemon:
    return Daemon(home.etcd, "etcd")


def ensure(home: Home, programs: Path, *, durable: bool) -> str:
    """Have it running; returns the URL its clients use."""
    home.etcd.mkdir(parents=True, exist_ok=True, mode=0o700)
    slot = slots.reserve(home.etcd)
    clients, peers = slot.port(0), slot.port(1)
    url, peer_url = f"http://127.0.0.1:{clients}", f"http://127.0.0.1:{peers}"
    command: list[str | Path] = [
        programs / "etcd",
        "--name=local",
        f"--data-dir={home.etcd / 'data'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=local={peer_url}",
        "--quota-backend-bytes=4294967296",
        "--auto-compaction-retention=10m",
        "--log-level=warn",
    ]
    if not durable:
        command.append("--unsafe-no-fsync")
    services.ensure(
        Service(
            daemon=daemon(home),
            command=tuple(command),
            ready=lambda: api.healthy(clients, "/health"),
            ports=(clients, peers),
        )
    )
    return url


def forget(home: Home, prefix: str) -> None:
    """Delete every key under `prefix`; etcd must be running."""
    port = slots.reserve(home.etcd).port(0)
    first = prefix.encode() + b"/"
    # The end of a range in etcd is the key after the last one: "/" counted up by one.
    after = prefix.encode() + bytes([ord("/") + 1])
    span = {"key": base64.b64encode(first).decode(), "range_end": base64.b64encode(after).decode()}
    status = api.plain("POST", port, "/v3/kv/deleterange", span)
    if status != HTTP_OK:
        raise LocalClusterError(f"etcd answered {status} when asked to forget {prefix}.")
