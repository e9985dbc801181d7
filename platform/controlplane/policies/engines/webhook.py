"""The webhook: its real app, asked with real AdmissionReviews, out of a bundle that was sealed.

In this process and without TLS, so that each case can have its own policy and its own clock.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controlplane.admission.app import PATH, Admission
from controlplane.admission.loaded import Loaded
from controlplane.admission.review import KIND, VERSION
from controlplane.policies.bundle import (
    AttestationFact,
    Bundle,
    Fact,
    FactsDelta,
    open_facts,
    open_sealed,
    seal,
)
from controlplane.policies.cases import Case
from controlplane.policies.decide import namespace_of
from controlplane.policies.facts import RESOLVED
from controlplane.policies.places import KINDS
from controlplane.policies.verdict import Question
from controlplane.policies.verified import Verified

from . import Answer, Engine

CLUSTER, EPOCH = "cases", 1


class Webhook:
    """Asks the app, case by case."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._key = Ed25519PrivateKey.generate()

    def judge(self, case: Case) -> Answer:
        question = case.question(self._now)
        now = question.now or self._now
        app = Admission(loaded=self._loaded(case, question, now), now=lambda: now)
        status, body = asyncio.run(_posted(app, _review(case, question)))
        if status != 200:  # noqa: PLR2004 - then it is no AdmissionReview
            return Answer(allowed=False, reasons=(f"HTTP {status}: {body.decode()}",))
        response = json.loads(body)["response"]
        if response["allowed"]:
            warnings = tuple(response.get("warnings", ()))
            return Answer(allowed=True, reported=bool(warnings), reasons=warnings)
        said = response["status"]["message"]
        return Answer(allowed=False, reasons=tuple(said.splitlines()))

    def _loaded(self, case: Case, question: Question, now: datetime) -> Loaded:
        """What a folder with this case's sealed files would give."""
        keys = [self._key.public_key()]
        namespaces = {_namespace(question): "case"}
        bundle = Bundle(1, now, CLUSTER, EPOCH, {"case": case.policy}, namespaces)
        delta = FactsDelta(1, 0, now, CLUSTER, tuple(_facts(case.facts, now)))
        verified = Verified(EPOCH)
        verified.add(open_facts(seal(delta, self._key), keys))
        nowhere = Path("/nowhere")
        return Loaded(
            folder=nowhere,
            keys_file=nowhere,
            bundle=open_sealed(seal(bundle, self._key), keys),
            facts=verified,
        )


@contextmanager
def opened(cases: Sequence[Case]) -> Iterator[Engine]:  # noqa: ARG001 - every engine's signature
    """Nothing to start: the app is a function."""
    yield Webhook(datetime.now(UTC))


def _namespace(question: Question) -> str:
    """As the API server would say it in the request."""
    kind = KINDS.get((question.group, question.kind))
    if question.namespace or kind is None:
        return question.namespace
    return namespace_of(question, kind) or ""


def _review(case: Case, question: Question) -> bytes:
    about: Mapping[str, Any] = case.object or case.old_object or {}
    version = str(about.get("apiVersion", "")).rpartition("/")[2]
    kind = {"group": question.group, "version": version, "kind": question.kind}
    metadata = about.get("metadata")
    request = {
        "uid": case.id,
        "kind": kind,
        "requestKind": kind,
        "name": metadata.get("name", "") if isinstance(metadata, dict) else "",
        "namespace": _namespace(question),
        "operation": case.operation,
        "userInfo": {"username": question.user, "groups": list(question.groups)},
        "object": case.object,
        "oldObject": case.old_object,
        "dryRun": case.dry_run,
        "options": None,
    }
    if case.subresource:
        request["subResource"] = case.subresource
    return json.dumps({"kind": KIND, "apiVersion": VERSION, "request": request}).encode()


def _facts(known: Mapping[str, Any], now: datetime) -> Iterator[Fact]:
    for image, said in known.items():
        if image == RESOLVED:
            continue
        repository, _, digest = image.rpartition("@")
        signatures, attestations = said.get("signatures", ()), said.get("attestations", ())
        yield Fact(
            repository=repository,
            digest=digest,
            key_ids=tuple(each["key"] for each in signatures),
            epoch=EPOCH,
            at=now,
            attestations=tuple(AttestationFact(a["type"], (a["key"],)) for a in attestations),
            made_for={s["key"]: s["repository"] for s in signatures if s.get("repository")},
            error=said.get("error") or "",
        )


async def _posted(app: Admission, body: bytes) -> tuple[int, bytes]:
    """Status and body of the answer."""
    status, said = 0, bytearray()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, said
        status = message.get("status", status)
        said += message.get("body", b"")

    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"timeout=3s"}
    await app({**scope, "headers": headers}, receive, send)
    return status, bytes(said)
