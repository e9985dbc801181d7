"""Whoever stands where the platform should: an HTTP server that answers what a test tells it to."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from controlplane.admission.loaded import Loaded
from controlplane.agent.platform import Platform
from controlplane.policies.bundle import Bundle, Fact, FactsDelta, seal
from controlplane.policies.document import Document
from tests.webhook import CLUSTER, PAYMENTS

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOKEN = "argosy_agent_of-a-test"


@dataclass
class Street:
    """What is answered, and what was asked."""

    url: str = ""
    status: int = 200
    bundle: bytes = b""
    etag: str = '"1-x"'
    facts: list[FactsDelta] = field(default_factory=list)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    refused: str = ""  # a word; a post that holds it is refused with 400
    posts: list[dict[str, list[dict[str, object]]]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, tag
    tokens: set[str] = field(default_factory=set)

    def publish(
        self,
        *documents: Document,
        version: int = 1,
        key: Ed25519PrivateKey | None = None,
        **changed: object,
    ) -> None:
        """Have a bundle there, as the platform would."""
        self.bundle = seal(bundle_of(*documents, version=version, **changed), key or self.key)
        self.etag = f'"{version}-x"'

    def verified(self, *facts: Fact, version: int, since: int) -> None:
        """Have one more list of verified images."""
        self.facts.append(FactsDelta(version, since, NOW, CLUSTER, facts))

    def keys_in(self, folder: Path) -> Path:
        """The key that its bundles are believed by, as a file."""
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bundle.pem").write_bytes(pem)
        return folder / "bundle.pem"

    def platform(self, folder: Path) -> Platform:
        """The agent's end of it."""
        token = folder / "token"
        token.write_text(TOKEN)
        return Platform(self.url, token)

    def loaded(self, folder: Path) -> Loaded:
        """The folder of an agent that believes this key."""
        return Loaded(folder, self.keys_in(folder), cluster=CLUSTER)

    def sightings(self) -> list[dict[str, object]]:
        """All that was posted."""
        return [each for post in self.posts for each in post["sightings"]]

    def delta(self, since: int) -> bytes:
        """What comes after that version; an empty list at the end."""
        found = next((d for d in self.facts if d.since == since), None)
        return seal(found or FactsDelta(since, since, NOW, CLUSTER, ()), self.key)


def bundle_of(*documents: Document, version: int = 1, **changed: object) -> Bundle:
    """A bundle of these documents."""
    documents = documents or (PAYMENTS,)
    said = {
        "version": version,
        "created": datetime.now(UTC),
        "cluster": CLUSTER,
        "trust_epoch": 1,
        "documents": {d.name: d for d in documents},
        "namespaces": {n: d.name for d in documents for s in d.scopes for n in s.namespaces},
        **changed,
    }
    return Bundle(**said)  # type: ignore[arg-type]


@contextmanager
def street() -> Iterator[Street]:
    """One, that answers until the block ends."""
    here = Street()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tag = self.headers.get("If-None-Match", "")
            here.asked.append((self.path, tag))
            here.tokens.add(self.headers.get("Authorization", ""))
            if here.status != 200:
                self._say(here.status, b'{"detail": "not now"}')
            elif "/facts/" in self.path:
                self._say(200, here.delta(int(self.path.partition("since=")[2])))
            elif tag == here.etag:
                self._say(304, b"")
            else:
                self._say(200, here.bundle)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if here.status == 200 and here.refused and here.refused.encode() in body:
                self._say(400, b'{"detail": "never"}')
                return
            if here.status == 200:
                here.posts.append(json.loads(body))
            self._say(here.status, b"{}")

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("ETag", here.etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
