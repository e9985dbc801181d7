"""A real admission process for tests: its folders, its bundle, and a caller that speaks to it."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from controlplane.admission import certificates
from controlplane.policies.bundle import Bundle, Fact, FactsDelta, seal
from controlplane.policies.document import Digest, Document, Repositories, Scope
from tests.processes import cpu_seconds

HOST = "127.0.0.1"
CLUSTER = "east"
DIGEST = "sha256:" + "a" * 64
GOOD = f"harbor.acme.test/payments/api@{DIGEST}"
BAD = f"evil.io/x@{DIGEST}"
JSON = {"Content-Type": "application/json"}
PAYMENTS = Document(
    name="payments",
    scopes=(Scope(("payments",), (Repositories("harbor.acme.test", "payments/**"),)),),
    digest=Digest(required=True),
)


class Folders:
    """What the agent would keep on disk, sealed with a key of the test."""

    def __init__(self, folder: Path) -> None:
        self.bundle, self.certificates, self.spool = (
            folder / name for name in ("bundle", "certificates", "spool")
        )
        for each in (self.bundle, self.spool):
            each.mkdir(parents=True)
        self.key = Ed25519PrivateKey.generate()
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.bundle / "bundle.pem").write_bytes(pem)

    def publish(self, *documents, version=1, key=None, **changed):
        """Put a bundle there as an agent does, at once and whole."""
        documents = documents or (PAYMENTS,)
        content = Bundle(
            **{
                "version": version,
                "created": datetime.now(UTC),
                "cluster": CLUSTER,
                "trust_epoch": 1,
                "documents": {d.name: d for d in documents},
                "namespaces": {
                    n: d.name for d in documents for s in d.scopes for n in s.namespaces
                },
                **changed,
            }
        )
        self.put(seal(content, key or self.key))

    def verified(self, *facts: Fact, version=1, since=0, file="facts.json"):
        delta = FactsDelta(version, since, datetime.now(UTC), CLUSTER, facts)
        self.put(seal(delta, self.key), file)

    def put(self, data: bytes, file="bundle.json"):
        draft = self.bundle / f".{file}.draft"
        draft.write_bytes(data)
        draft.replace(self.bundle / file)


class Process:
    """`python -m controlplane.admission`, started and always ended."""

    def __init__(self, folders: Folders, *, port: int = 0, host=HOST, names=(HOST,), options=()):
        self.folders = folders
        self.host = host
        self.port = port or free_port(host)
        self.log = folders.spool / f"log-{os.urandom(4).hex()}"
        command = [sys.executable, "-m", "controlplane.admission", "--cluster", CLUSTER]
        command += ["--bundle", folders.bundle, "--certificates", folders.certificates]
        command += ["--spool", folders.spool, "--listen", f"{host}:{self.port}", *options]
        command += [word for name in names for word in ("--name", name)]
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(command, stderr=log, stdout=log)

    def __enter__(self):
        within(20, lambda: "listening on" in self.said() or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.said()
        return self

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(10)

    def said(self) -> str:
        return self.log.read_text()

    def rss(self) -> int:
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024

    def cpu(self) -> float:
        """Seconds of CPU used."""
        return cpu_seconds(self.popen.pid)

    def trusting(self) -> ssl.SSLContext:
        """Believes the cluster's authority and nothing else, and takes certificates at their word."""
        context = ssl.create_default_context(
            cafile=self.folders.certificates / certificates.BUNDLE_FILE
        )
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=10, context=self.trusting()
        )

    def get(self, path: str):
        return self.call("GET", path, b"", {})

    def post(self, body, headers=JSON, query="?timeout=3s"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call("POST", f"/review{query}", data, headers)

    def call(self, method, path, body, headers):
        """Status, headers, body; a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def verdict(self, body):
        """The `response` of an AdmissionReview that must be one."""
        status, _, said = self.post(body)
        assert status == 200, said
        return response(said)


def response(said: bytes):
    answer = json.loads(said)
    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    return answer["response"]


def pod(image=GOOD, **metadata):
    spec = {"containers": [{"name": "main", "image": image}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", **metadata}, "spec": spec}


def review(obj=None, *, kind=("", "v1", "Pod"), **changed):
    group, version, name = kind
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": group, "version": version, "kind": name},
        "operation": "CREATE",
        "namespace": "payments",
        "name": "p",
        "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
        "object": pod() if obj is None else obj,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        **changed,
    }
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def as_go_writes(values) -> bytes:
    """Compact, with the escapes of Go's encoder, and its line end."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    for sign, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, escape)
    return text.encode() + b"\n"


def within(seconds, condition):
    """Wait for a condition, and say so if it does not come."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come about in time"
        time.sleep(0.02)


def free_port(host=HOST) -> int:
    with socket.create_server((host, 0)) as server:
        return server.getsockname()[1]
