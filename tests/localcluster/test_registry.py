"""Asking a registry whether it has Argo's images: quickly, and without believing in luck."""

import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from localcluster import registry


class Registry(http.server.BaseHTTPRequestHandler):
    """Has team/app:v1 for everybody who fetches a token first."""

    def do_HEAD(self) -> None:
        if self.headers.get("Authorization") != "Bearer for-anybody":
            self.send_response(401)
            where = f"http://{self.headers['Host']}/token"
            challenge = f'Bearer realm="{where}",service="here",scope="repository:team/app:pull"'
            self.send_header("WWW-Authenticate", challenge)
        else:
            self.send_response(200 if self.path == "/v2/team/app/manifests/v1" else 404)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"token": "for-anybody"}).encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_image_that_anybody_may_pull_is_there(address: str) -> None:
    assert registry.can_pull([f"{address}/team/app:v1"], scheme="http")


def test_one_missing_image_is_enough_to_say_no(address: str) -> None:
    wanted = [f"{address}/team/app:v1", f"{address}/team/app:v2"]

    assert not registry.can_pull(wanted, scheme="http")


def test_no_registry_is_no() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert not registry.can_pull([f"127.0.0.1:{port}/team/app:v1"], scheme="http")


def test_a_mute_registry_is_no_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PROBE_SECONDS", 0.2)
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = registry.can_pull([f"127.0.0.1:{port}/team/app:v1"], scheme="http")

    assert not found
    assert time.monotonic() - began < 5
