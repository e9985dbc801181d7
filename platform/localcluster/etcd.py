"""The one etcd that all clusters of a home share, each under its own prefix."""

import base64
from pathlib import Path

from localcluster import pki as certs
from localcluster import services, slots
from localcluster.api import Api
from localcluster.errors import LocalClusterError
from localcluster.home import Home
from localcluster.processes import Daemon
from localcluster.services import Service
from localcluster.slots import LOOPBACK

HTTP_OK = 200


def daemon(home: Home) -> Daemon:
    return Daemon(home.etcd, "etcd")


def certificates(home: Home) -> Path:
    """The folder with `ca.crt`, and `admin.crt` and `admin.key`, which open it."""
    return home.etcd / "pki"


def ensure(home: Home, programs: Path, *, durable: bool) -> str:
    """Have it running; returns the URL its clients use."""
    home.etcd.mkdir(parents=True, exist_ok=True, mode=0o700)
    slot = slots.reserve(home.etcd)
    clients, peers = slot.port(0), slot.port(1)
    url, peer_url = f"https://{LOOPBACK}:{clients}", f"https://{LOOPBACK}:{peers}"
    pki = certificates(home)
    certs.ensure_etcd(pki, address=LOOPBACK)
    command: list[str | Path] = [
        programs / "etcd",
        "--name=local",
        f"--data-dir={home.etcd / 'data'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=local={peer_url}",
        *(
            f"--{side}{flag}"
            for side in ("", "peer-")
            for flag in (
                f"cert-file={pki / 'etcd.crt'}",
                f"key-file={pki / 'etcd.key'}",
                f"trusted-ca-file={pki / 'ca.crt'}",
                "client-cert-auth",
            )
        ),
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
            ready=lambda: _healthy(_api(home)),
            ports=(clients, peers),
        )
    )
    return url


def forget(home: Home, prefix: str) -> None:
    """Delete every key under `prefix`; etcd must be running."""
    first = prefix.encode() + b"/"
    # The end of a range in etcd is the key after the last one: "/" counted up by one.
    after = prefix.encode() + bytes([ord("/") + 1])
    span = {"key": base64.b64encode(first).decode(), "range_end": base64.b64encode(after).decode()}
    status, _ = _api(home).request("POST", "/v3/kv/deleterange", span)
    if status != HTTP_OK:
        raise LocalClusterError(f"etcd answered {status} when asked to forget {prefix}.")


def _api(home: Home) -> Api:
    return Api(LOOPBACK, slots.reserve(home.etcd).port(0), certificates(home))


def _healthy(api: Api) -> bool:
    try:
        return api.request("GET", "/health")[0] == HTTP_OK
    except OSError:
        return False
