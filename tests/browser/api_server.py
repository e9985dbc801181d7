"""The fake cluster behind a real port, so that pages reach it through the product's own door."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from controlplane.kube.errors import KubeError, Refused
from controlplane.kube.resources import RESOURCES
from controlplane.objects import Manifest, Ref
from tests.fakes import FakeCluster

OBJECTS = re.compile(
    r"^/(?:api|apis)/(?P<version>v1|[^/]+/[^/]+?)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>log|status|token))?$"
)
KINDS = {(r.api_version, r.plural): r.kind for r in RESOURCES.values()}
LOG = "2026-11-20T06:12:03Z reading 41 partitions\n2026-11-20T06:13:09Z done\n"
FIELDS = {"metadata.name": ("metadata", "name"), "involvedObject.name": ("involvedObject", "name")}


@contextmanager
def serving(cluster: FakeCluster) -> Iterator[str]:
    """The address at which this cluster answers while it lasts."""

    class Handler(Answers):
        fake = cluster
        lock = threading.Lock()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Answers(BaseHTTPRequestHandler):
    """One request to the API server: found in the fake, or an error as Kubernetes words it."""

    fake: FakeCluster
    lock: threading.Lock
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Nothing: a test that fails shows the page, not its requests."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = orjson.loads(self.rfile.read(length) or b"null")
        try:
            with self.lock:
                code, body = 200, self._found(sent)
        except Refused as exc:
            code, body = exc.code, orjson.dumps({"kind": "Status", "message": exc.sentence})
        except KubeError as exc:
            code, body = 500, orjson.dumps({"kind": "Status", "message": exc.sentence})
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _found(self, sent: Manifest) -> bytes:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        if (match := OBJECTS.match(url.path)) is None:
            return orjson.dumps(self.fake.read(url.path))
        part = match.groupdict(default="")
        kind = KINDS[part["version"], part["plural"]]
        if part["sub"] == "log":
            return LOG.encode()
        if part["sub"] == "token":
            return orjson.dumps(self._token(part["namespace"], part["name"], sent))
        if part["name"]:
            ref = Ref(part["version"], kind, part["namespace"], part["name"])
            return orjson.dumps(self._object(ref, query, sent))
        if self.command == "POST":
            return orjson.dumps(self.fake.create(sent, dry_run="dryRun" in query))
        return orjson.dumps(self._list(part["version"], kind, part["namespace"], query))

    def _token(self, namespace: str, account: str, sent: Manifest) -> Manifest:
        """What it is bound to is the door's own tests' question."""
        seconds = sent["spec"]["expirationSeconds"]
        token, ends = self.fake.account_token(namespace, account, seconds=seconds)
        status = {"token": token, "expirationTimestamp": ends.isoformat()}
        return {"metadata": {"name": account, "namespace": namespace}, "status": status}

    def _object(self, ref: Ref, query: dict[str, str], sent: Manifest) -> Manifest:
        manager = query.get("fieldManager", "argosy")
        if self.command == "PATCH" and "apply" in self.headers.get("Content-Type", ""):
            return self.fake.apply(sent, manager=manager, dry_run="dryRun" in query)
        if self.command == "PATCH":
            return self.fake.patch(ref, sent, manager=manager)
        if self.command == "PUT":
            return self.fake.replace(sent, manager=manager)
        if self.command == "DELETE":
            self.fake.delete(ref)
            return {"kind": "Status", "status": "Success"}
        return self.fake._found(ref).manifest

    def _list(self, version: str, kind: str, namespace: str, query: dict[str, str]) -> Manifest:
        items, cursor = self.fake.page(
            version,
            kind,
            namespace,
            limit=int(query.get("limit") or 500),
            cursor=query.get("continue", ""),
            labels=query.get("labelSelector", ""),
        )
        for pair in filter(None, query.get("fieldSelector", "").split(",")):
            name, _, wanted = pair.partition("=")
            outer, inner = FIELDS[name]
            items = tuple(item for item in items if item.get(outer, {}).get(inner) == wanted)
        return {"metadata": {"continue": cursor, "resourceVersion": "1"}, "items": list(items)}
