"""A server whose certificate is not the cluster's: nothing is said to it, and a person is told why."""

import base64
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from controlplane.kube.errors import Untrusted
from controlplane.kube.gateway import KubeGateway
from localcluster import pki

asked: list[str] = []


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Who is not believed is hung up on: that is what is tested."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked.append(self.headers.get("Authorization", ""))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"gitVersion": "v1.37.1"}')

    def log_message(self, *_: object) -> None:
        pass


def keys(folder: Path, address: str) -> Path:
    """An authority, and a server's certificate of it for this address."""
    pki.ensure(folder, api_addresses=(address,))
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A server on loopback, with the certificate of a cluster that is at another address."""
    asked.clear()
    folder = keys(tmp_path / "theirs", "10.9.9.9")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
    http = Server(("127.0.0.1", 0), Handler)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield folder, http.server_port
    http.shutdown()
    http.server_close()
    thread.join(10)


def door(authority: Path, port: int, **more: str) -> KubeGateway:
    data = base64.b64encode((authority / "ca.crt").read_bytes()).decode()
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": data, **more}
    return KubeGateway.from_kubeconfig(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": "a-secret-token"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


def test_a_certificate_for_another_host_says_so_and_what_to_write_instead(
    elsewhere: tuple[Path, int],
) -> None:
    folder, port = elsewhere

    with pytest.raises(Untrusted, match="for another host") as refusal:
        door(folder, port).read("/version")

    assert "tls-server-name" in refusal.value.sentence
    assert asked == []


def test_the_name_that_it_is_for_may_be_said(elsewhere: tuple[Path, int]) -> None:
    folder, port = elsewhere

    found = door(folder, port, **{"tls-server-name": "kubernetes"}).read("/version")

    assert found == {"gitVersion": "v1.37.1"}


def test_another_authority_is_not_believed_and_learns_no_credential(
    elsewhere: tuple[Path, int], tmp_path: Path
) -> None:
    _, port = elsewhere
    another = keys(tmp_path / "ours", "127.0.0.1")

    with pytest.raises(Untrusted, match="cannot be believed") as refusal:
        door(another, port, **{"tls-server-name": "kubernetes"}).read("/version")

    assert "certificate-authority-data" in refusal.value.sentence
    assert asked == []
