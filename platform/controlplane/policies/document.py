"""What does one policy say? The document every engine reads: library, webhook, compiler, scanner.

A document is complete: whoever holds it needs no database to decide. It judges the namespaces its
scopes name; an image that no scope allows falls to `default`, and a namespace that no scope names
may run nothing that `default` denies.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

EVERYTHING = "**"
CLUSTER_SCOPED = ""  # the "namespace" of objects that have none


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a policy: immutable, and a misspelt field is an error, not a rule that is not there."""


class Repositories(Part, frozen=True):
    """Some repositories of one registry.

    `repository` is exact (`payments/api`), a prefix with at least one further segment
    (`payments/**`) or everything (`**`). A short name is `docker.io` and `library/<name>`.
    """

    registry: str
    repository: str = EVERYTHING


class Scope(Part, frozen=True):
    """What the named namespaces may run. `""` stands for objects that have no namespace."""

    namespaces: tuple[str, ...]
    allow: tuple[Repositories, ...] = ()


class Tags(Part, frozen=True):
    """Tags that may not be used. An image without tag and digest counts as `latest`."""

    forbid: tuple[str, ...] = ()
    with_digest: Literal["ignore", "check"] = "ignore"
    require_pattern: str | None = None  # RE2, matched against the whole tag


class Digest(Part, frozen=True):
    """Whether an image must be pinned, and by which algorithms."""

    required: bool = False
    algorithms: tuple[str, ...] = ("sha256",)


class Exemption(Part, frozen=True):
    """One image, written exactly so, for a while. Without an approver it is void."""

    image: str
    not_after: datetime
    not_before: datetime | None = None
    approved_by: str | None = None
    requested_by: str | None = None
    namespaces: tuple[str, ...] = ()  # none: every namespace of the document
    digest: str | None = None  # then the image must carry exactly this digest
    id: str | None = None
    reason: str | None = None


class Signature(Part, frozen=True):
    """Who must have signed an image: `threshold` different ones of `keys`.

    The platform verifies at push, so its own policies say `bind_repository` and `on_error` one way
    only (`checking`); a verifier that is asked while a pod waits has use for both.
    """

    keys: tuple[str, ...]  # key ids; the keys themselves are the verifier's
    threshold: int = 1
    bind_repository: bool = True  # a signature made for another repository does not count
    revoked: tuple[str, ...] = ()
    on_error: Literal["deny", "allow"] = "deny"
    repositories: tuple[Repositories, ...] = ()  # none: every image


class Attestation(Part, frozen=True):
    """A statement about an image that must be there, by its predicate type."""

    type: str
    keys: tuple[str, ...]
    repositories: tuple[Repositories, ...] = ()  # none: every image


class Argo(Part, frozen=True):
    """How Argo's own ways of naming an image are judged.

    `templated`: an image with `{{…}}` is denied, or deferred to the pod it becomes.
    `resource_manifests`: manifests inside resource templates are deferred, or scanned.
    """

    templated: Literal["deny", "defer"] = "deny"
    resource_manifests: Literal["defer", "scan"] = "defer"


class Document(Part, frozen=True, weakref=True):
    """One image policy, as an admin writes it; `docs/images.md` says what its parts do."""

    name: str = ""
    mode: Literal["enforce", "audit"] = "enforce"
    default: Literal["deny", "allow"] = "deny"
    scopes: tuple[Scope, ...] = ()
    deny: tuple[Repositories, ...] = ()
    canonical_host: Literal["require", "normalise"] = "require"
    tags: Tags = Tags()
    digest: Digest = Digest()
    on_unparsable: Literal["deny", "allow"] = "deny"
    blank_image: Literal["deny", "allow"] = "deny"
    controllers: Literal["enforce", "warn"] = "enforce"
    update_mode: Literal["changed-only", "all"] = "changed-only"
    exempt_namespaces: tuple[str, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    signature: Signature | None = None
    attestations: tuple[Attestation, ...] = ()
    argo: Argo = Argo()
    mirror_pods: Literal["allow", "deny"] = "deny"  # allow: from their own node, and reported


class NotAPolicy(ValueError):
    """A document that cannot be read; the sentence names the field."""


def read(document: Any) -> Document:
    """A document out of plain JSON values. Raises NotAPolicy, naming the field."""
    try:
        return msgspec.convert(document, Document)
    except msgspec.ValidationError as error:
        raise NotAPolicy(str(error)) from None


def plain(document: Document) -> dict[str, Any]:
    """The document as JSON values; `read` gives it back."""
    values: dict[str, Any] = msgspec.to_builtins(document)
    return values
