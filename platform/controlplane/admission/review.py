"""What does the API server ask, and how is it answered? AdmissionReview v1, read strictly.

Strictly, because two readers of one text must not see two things: a key that stands there twice, a
text that is no text, or nesting no object has are refused before anything is judged.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import orjson

from controlplane.policies.verdict import Question

VERSION, KIND = "admission.k8s.io/v1", "AdmissionReview"
FORBIDDEN = 403
LONGEST_WARNING = 250  # bytes; the API server cuts at 256
MOST_WARNINGS = 10

_UNREADABLE = (
    "the object holds text that is not valid Unicode, or a number nobody can hold; mend it"
)


class NotAReview(ValueError):
    """The body is no AdmissionReview that may be judged. The sentence says why."""


class Garbled(Exception):
    """A review whose text cannot be trusted: it is denied, under its own uid."""

    def __init__(self, uid: str, sentence: str) -> None:
        super().__init__(sentence)
        self.uid = uid
        self.sentence = sentence


class GroupVersionKind(msgspec.Struct, frozen=True):
    """What kind the object is, as the API server converted it."""

    kind: str
    version: str = ""
    group: str = ""


class UserInfo(msgspec.Struct, frozen=True):
    """Who asks."""

    username: str = ""
    groups: tuple[str, ...] | None = None


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """What a verdict depends on; the rest of the request is not looked at."""

    uid: str
    kind: GroupVersionKind
    operation: str
    namespace: str = ""
    name: str = ""
    sub_resource: str = ""
    user_info: UserInfo = UserInfo()
    object: Any = None
    old_object: Any = None
    dry_run: bool | None = False

    def question(self, now: datetime) -> Question:
        """As the policy is asked."""
        return Question(
            group=self.kind.group,
            kind=self.kind.kind,
            operation=self.operation,
            object=self.object,
            old_object=self.old_object,
            namespace=self.namespace,
            subresource=self.sub_resource,
            user=self.user_info.username,
            groups=self.user_info.groups or (),
            now=now,
        )

    def called(self) -> str:
        """The object's name. What a controller makes anew under ever other names has one here."""
        metadata = self.object.get("metadata") if isinstance(self.object, Mapping) else None
        if isinstance(metadata, Mapping):
            for key in ("generateName", "name"):
                if isinstance(metadata.get(key), str) and metadata[key]:
                    return str(metadata[key])
        return self.name


class _Review(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    request: Request


def read(body: bytes) -> Request:
    """The request in this body. Raises NotAReview, or Garbled where at least its uid is clear."""
    values = _values(body)
    try:
        review = msgspec.convert(values, _Review)
    except msgspec.ValidationError as error:
        raise NotAReview(f"not an AdmissionReview: {error}") from None
    if review.kind != KIND or review.api_version != VERSION:
        raise NotAReview(f"not an AdmissionReview of {VERSION}")
    if not review.request.uid:
        raise NotAReview("the request has no uid")
    return review.request


def _values(body: bytes) -> Any:
    try:
        values = orjson.loads(body)
        if not _written_so(values, body):
            json.loads(body, object_pairs_hook=_once_each)
    except RecursionError:
        raise NotAReview("nested too deeply") from None
    except ValueError as error:  # no JSON, or no UTF-8
        _refuse_garbled(body)
        raise NotAReview(f"not JSON: {error}") from None
    return values


def _written_so(values: Any, body: bytes) -> bool:
    """Whether writing the values gives this very body: then no key stood there twice.

    An API server writes as we do, in the order of the keys and without blanks, so this settles all
    real reviews at a tenth of what looking at every key costs. False proves nothing.
    """
    try:
        written = orjson.dumps(values)
    except TypeError:  # a number too large to write, or very deep
        return False
    body = body.rstrip(b"\n")
    if written == body:
        return True
    # Go writes these three as escapes; outside of texts they do not occur in JSON.
    written = written.replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
    return written.replace(b"&", b"\\u0026") == body


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise NotAReview("a key stands there twice")
    return values


def _refuse_garbled(body: bytes) -> None:
    """Raises Garbled if, but for its broken text, the body is a review."""
    try:
        values = json.loads(body.decode(errors="replace"), object_pairs_hook=_once_each)
        uid = values["request"]["uid"]
        known = (values["kind"], values["apiVersion"]) == (KIND, VERSION)
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if known and isinstance(uid, str) and uid and uid.isprintable():
        raise Garbled(uid, _UNREADABLE)


def admitted(uid: str, *, warnings: Sequence[str] = (), notes: Mapping[str, str]) -> bytes:
    """Yes. The warnings are shown to the person, the notes go to the audit log."""
    said = [_cut(warning) for warning in warnings[:MOST_WARNINGS]]
    response: dict[str, Any] = {"uid": uid, "allowed": True}
    if said:
        response["warnings"] = said
    return _answer(response, notes)


def denied(uid: str, sentence: str, *, code: int = FORBIDDEN, notes: Mapping[str, str]) -> bytes:
    """No, and why. The code is what the person's client gets as HTTP status."""
    status = {"status": "Failure", "code": code, "message": sentence}
    if code == FORBIDDEN:
        status["reason"] = "Forbidden"
    return _answer({"uid": uid, "allowed": False, "status": status}, notes)


def _answer(response: dict[str, Any], notes: Mapping[str, str]) -> bytes:
    if notes:
        response["auditAnnotations"] = notes
    return msgspec.json.encode({"apiVersion": VERSION, "kind": KIND, "response": response})


def _cut(warning: str) -> str:
    raw = warning.encode()
    if len(raw) <= LONGEST_WARNING:
        return warning
    return raw[: LONGEST_WARNING - 3].decode(errors="ignore") + "…"
