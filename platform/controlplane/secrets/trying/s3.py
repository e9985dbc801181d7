"""Does a bucket take, give and let go of an object with these keys? As Argo's executor would ask it."""

import secrets
from datetime import UTC, datetime

from controlplane.secrets.verdict import Tried

from .reaching import Answer, NotReached, ask
from .signing import signed

# Some stores say of keys that they do not know that these are not found.
OK, NOT_FOUND, FORBIDDEN = 200, 404, {400, 401, 403, 404}
NO_BUCKET = b"<Code>NoSuchBucket</Code>"
REDIRECTS = range(300, 400)


def test(
    *, endpoint: str, bucket: str, region: str, tls: bool, access_key: str, secret_key: str
) -> Tried:
    """Write a small object, read it, take it away."""
    host, _, port = endpoint.partition(":")
    # Named so that two tries at once do not meet, and a person who finds a left-over knows whose it is.
    path = f"/{bucket}/.argosy-test-{secrets.token_hex(8)}"
    content = secrets.token_bytes(16)

    def call(method: str, body: bytes = b"") -> Answer:
        headers = signed(
            method,
            path,
            host=endpoint,
            region=region,
            access_key=access_key,
            secret_key=secret_key,
            at=datetime.now(UTC),
            body=body,
        )
        there = int(port) if port else 443 if tls else 80
        return ask(method, path, host=host, port=there, tls=tls, headers=headers, body=body)

    try:
        wrote = call("PUT", content)
        if not _is_good(wrote):
            return Tried(works=False, sentence=_why(wrote, endpoint, bucket, "take"))
        read, gone = call("GET"), call("DELETE")
    except NotReached as exc:
        return Tried(works=False, sentence=exc.sentence)
    if not _is_good(read):
        return Tried(works=False, sentence=_why(read, endpoint, bucket, "give back"))
    if read.body != content:
        return Tried(
            works=False,
            sentence=f"{endpoint} gave back something else than it was given: is it a store?",
        )
    if not _is_good(gone):
        return Tried(
            works=True,
            sentence=f"{bucket} takes and gives, but these keys may not delete: what is there stays.",
        )
    return Tried(works=True, sentence=f"{bucket} took an object, gave it back, and let it go.")


def _is_good(answer: Answer) -> bool:
    return OK <= answer.status < REDIRECTS.start


def _why(answer: Answer, endpoint: str, bucket: str, verb: str) -> str:
    """By its number and one known word: what else it says may be of something not for who asks."""
    if answer.status == NOT_FOUND and NO_BUCKET in answer.body:
        return f"{endpoint} has no bucket {bucket}."
    if answer.status in FORBIDDEN:
        return (
            f"{endpoint} does not {verb} an object in {bucket} with these keys (HTTP {answer.status}): "
            "the keys, the region or their rights are not right, or its clock and ours differ."
        )
    if answer.status in REDIRECTS:
        return (
            f"{endpoint} sends us elsewhere (HTTP {answer.status}): the region may be another one."
        )
    return f"{endpoint} did not {verb} an object in {bucket} (HTTP {answer.status})."
