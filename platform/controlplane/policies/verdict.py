"""What is asked about an object, and what is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Which rule an image broke: stable, for programs and for links."""

    BLANK = "blank-image"
    UNPARSABLE = "unparsable"
    NOT_CANONICAL = "host-not-canonical"
    NOT_ALLOWED = "not-allowed"
    DENIED = "denied-repository"
    TAG = "forbidden-tag"
    NO_DIGEST = "digest-required"
    ALGORITHM = "digest-algorithm"
    TEMPLATED = "templated-image"
    PATCH = "patch-unreadable"
    SHAPE = "malformed-object"
    SIGNATURE = "signature"
    ATTESTATION = "attestation"
    UNKNOWN_DIGEST = "unknown-digest"


class Asks(StrEnum):
    """Why the API server cannot decide alone."""

    EXEMPTION = "exemption"  # the clock is the webhook's
    SIGNATURE = "signature"  # signatures and attestations
    PATCH = "patch"  # YAML inside a string


@dataclass(frozen=True, slots=True)
class Question:
    """An object somebody wants to write, with all that a verdict depends on."""

    group: str
    kind: str
    operation: str  # CREATE, UPDATE, DELETE, CONNECT
    object: Mapping[str, Any] | None
    old_object: Mapping[str, Any] | None = None
    namespace: str = ""  # the request's; the object's own may be missing
    subresource: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """One image in one place that breaks one rule."""

    path: str  # spec.template.spec.containers[0].image
    container: str  # the container's, template's or volume's name; may be empty
    image: str
    code: Code
    reason: str  # why, and the way out; one sentence without the image's name


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may be written. What is reported happened although it was (or would be) admitted."""

    allowed: bool
    violations: tuple[Violation, ...] = ()  # what denies it, or would if enforced
    reported: tuple[Violation, ...] = ()  # admitted all the same: audit, warn, exemption, mirror
    asked: frozenset[Asks] = field(default_factory=frozenset)
