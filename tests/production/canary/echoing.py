"""A store, a registry and a provider of bad manners: whatever it is told, it says again in its refusal."""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.production.stores import LOOPBACK

DISCOVERY = "/.well-known/openid-configuration"


class _Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        host = f"http://{self.headers['Host']}"
        known = {"issuer": host, "token_endpoint": f"{host}/token"}
        self._answer(200, known) if self.path == DISCOVERY else self._refuse()

    def do_POST(self) -> None:
        self._refuse()

    def do_PUT(self) -> None:
        self._refuse()

    def _refuse(self) -> None:
        told = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        scheme, _, pair = self.headers.get("Authorization", "").partition(" ")
        opened = b64decode(pair) if scheme == "Basic" else b""
        said = f"{self.path} {self.headers} {told!r} {opened!r}"
        self._answer(401, {"error": "invalid_client", "error_description": said, "message": said})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
        """It keeps no log."""


@contextmanager
def echo() -> Iterator[str]:
    """A running one; gives its host and port."""
    with ThreadingHTTPServer((LOOPBACK, 0), _Echo) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"{LOOPBACK}:{server.server_address[1]}"
        finally:
            server.shutdown()
