"""What does a verifier know of an image? Values, looked up by repository and digest.

No registry is asked here: a digest that nobody told us of is unknown, and stays so until its push
is seen.
"""

from collections.abc import Mapping
from typing import Any

import msgspec


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of what is known; a misspelt field is an error."""


class SignatureFact(Fact, frozen=True):
    """A good signature: by which key, and for which repository it was made (none: this one)."""

    key: str
    repository: str | None = None


class AttestationFact(Fact, frozen=True):
    """A good statement of one predicate type."""

    type: str
    key: str


class ImageFacts(Fact, frozen=True):
    """All that is known of one digest in one repository."""

    signatures: tuple[SignatureFact, ...] = ()
    attestations: tuple[AttestationFact, ...] = ()
    error: str | None = None  # the verifier could not do its work


class NotFacts(ValueError):
    """Facts that cannot be read; the sentence names the field."""


class Facts:
    """Everything known, by `<registry>/<repository>@<digest>`."""

    __slots__ = ("_known",)

    def __init__(self, known: Mapping[str, ImageFacts] | None = None) -> None:
        self._known = known or {}

    def of(self, name: str, digest: str) -> ImageFacts | None:
        """What is known of this image; None if its push was never seen."""
        return self._known.get(f"{name}@{digest}")


NO_FACTS = Facts()

# What a registry would say a tag means. It decides nothing: who runs the registry could say
# one thing to us and another to the node.
RESOLVED = "resolved"


def read(values: Any) -> Facts:
    """Facts as case files write them. Raises NotFacts, naming the field."""
    if not isinstance(values, Mapping):
        raise NotFacts("facts must be an object")
    known: dict[str, ImageFacts] = {}
    for key, value in values.items():
        if key == RESOLVED:
            _check(value, dict[str, str], key)
        else:
            known[key] = _check(value, ImageFacts, key)
    return Facts(known)


def _check(value: Any, wanted: Any, key: str) -> Any:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise NotFacts(f"{key}: {error}") from None
