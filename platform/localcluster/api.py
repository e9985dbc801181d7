"""The few calls a local cluster makes to its own API servers, before any client library is there."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster.errors import LocalClusterError

REQUEST_SECONDS = 10.0
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Api:
    """An API server, reached as its administrator."""

    address: str
    port: int
    pki: Path

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.port}"

    def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str | None = None
    ) -> tuple[int, bytes]:
        """One request, with a deadline; OSError when nobody answers."""
        context = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        context.load_cert_chain(self.pki / "admin.crt", self.pki / "admin.key")
        connection = http.client.HTTPSConnection(
            self.address, self.port, timeout=REQUEST_SECONDS, context=context
        )
        headers = {"Content-Type": kind or "application/json", "Accept": "application/json"}
        return _exchange(connection, method, path, body, headers)

    def ready(self) -> bool:
        """True once it says so itself."""
        try:
            return self.request("GET", "/readyz")[0] == http.client.OK
        except OSError:
            return False

    def get(self, path: str) -> Mapping[str, Any] | None:
        """The object at `path`, or nothing."""
        status, answer = self._asked("GET", path)
        if status == http.client.NOT_FOUND:
            return None
        return _object(self.url, path, status, answer)

    def apply(self, path: str, manifest: Mapping[str, Any], manager: str) -> Mapping[str, Any]:
        """Make the fields of `manifest` so, and own them."""
        target = f"{path}?fieldManager={manager}&force=true"
        status, answer = self._asked("PATCH", target, manifest, APPLY)
        return _object(self.url, path, status, answer)

    def delete(self, path: str, *, at_once: bool = False) -> None:
        """Make it gone. Already gone is success."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
        status, answer = self._asked("DELETE", path, options if at_once else None)
        if status != http.client.NOT_FOUND:
            _object(self.url, path, status, answer)

    def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str | None = None
    ) -> tuple[int, bytes]:
        try:
            return self.request(method, path, body, kind)
        except OSError as exc:
            raise LocalClusterError(
                f"The API server at {self.url} did not answer {method} {path.partition('?')[0]} ({exc}): "
                "it may have much to do, or have just ended. Try again; its log, kube-apiserver.log, is in "
                f"{self.pki.parent}."
            ) from exc


def plain(method: str, port: int, path: str, body: Mapping[str, Any] | None = None) -> int:
    """The status of a plain HTTP request to a program on this machine; OSError if it is mute."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
    return _exchange(connection, method, path, body, {"Content-Type": "application/json"})[0]


def healthy(port: int, path: str = "/healthz", *, tls: bool = False) -> bool:
    """True if the program on this loopback port says that it is well."""
    try:
        if not tls:
            return plain("GET", port, path) == http.client.OK
        # The program made this certificate for itself a moment ago: there is nothing to check.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=REQUEST_SECONDS, context=context
        )
        return _exchange(connection, "GET", path, None, {})[0] == http.client.OK
    except OSError:
        return False


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
) -> tuple[int, bytes]:
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as exc:
        # A program that is just coming up or going down may answer with half a line.
        raise ConnectionError(str(exc)) from exc
    finally:
        connection.close()


def _object(url: str, path: str, status: int, answer: bytes) -> Mapping[str, Any]:
    if status >= http.client.BAD_REQUEST:
        told = answer.decode(errors="replace")[:500]
        raise LocalClusterError(f"{url}{path} answered {status}: {told}")
    found: Mapping[str, Any] = json.loads(answer)
    return found
