"""Who has signed this image? A DSSE envelope around an in-toto statement, checked key by key.

A key is known by an id made of the key itself, so two names can never be counted as two signers. What
a statement says holds for the digest and the repository that it names, and for no other.
"""

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SignatureError
from securesystemslib.signer import SSlibKey

from controlplane.errors import DomainError

PAYLOAD = "application/vnd.in-toto+json"
STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
# A statement of this type says no more than "this is ours": a signature. Every other is an attestation.
SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
MOST_SIGNATURES = 20  # each costs a check of some hundred microseconds
LONGEST_TYPE = 500  # characters of a predicate type
LONGEST_PAYLOAD = 512 * 1024


class NotVerified(DomainError):
    """The envelope proves nothing about this image."""

    code = "not_verified"


class BadKey(DomainError):
    """No public key that signatures can be checked with."""

    code = "bad_key"


class Subject(msgspec.Struct, frozen=True):
    """What a statement is about: a repository's name, and digests by algorithm."""

    digest: dict[str, str]
    name: str = ""


class Statement(
    msgspec.Struct, frozen=True, rename={"type": "_type", "predicate": "predicateType"}
):
    """An in-toto statement, as far as we look into it."""

    type: str
    subject: tuple[Subject, ...]
    predicate: str


@dataclass(frozen=True)
class Verified:
    """Which keys have stated what about the image."""

    predicate: str
    key_ids: tuple[str, ...]

    @property
    def is_signature(self) -> bool:
        """True if it says no more than that the image is theirs."""
        return self.predicate == SIGNATURE


@dataclass(frozen=True)
class Signers:
    """All that is known of one image: who signed it, and who attested what."""

    key_ids: tuple[str, ...] = ()
    attestations: tuple[tuple[str, tuple[str, ...]], ...] = ()  # predicate type, key ids

    def with_statement(self, verified: Verified) -> "Signers":
        """The same and this. A key that says it twice is still one key."""
        if verified.is_signature:
            return Signers(_union(self.key_ids, verified.key_ids), self.attestations)
        known = dict(self.attestations)
        known[verified.predicate] = _union(known.get(verified.predicate, ()), verified.key_ids)
        return Signers(self.key_ids, tuple(sorted(known.items())))

    def and_also(self, other: "Signers") -> "Signers":
        """All that either says."""
        known = dict(self.attestations)
        for kind, ids in other.attestations:
            known[kind] = _union(known.get(kind, ()), ids)
        return Signers(_union(self.key_ids, other.key_ids), tuple(sorted(known.items())))

    def without(self, key_id: str) -> "Signers":
        """The same, had this key never signed."""
        kept = ((kind, _less(ids, key_id)) for kind, ids in self.attestations)
        return Signers(_less(self.key_ids, key_id), tuple((k, ids) for k, ids in kept if ids))


def key_id_of(pem: str) -> str:
    """The id of a public key, made of the key itself. Raises BadKey."""
    return str(_key(pem).keyid)


def verify(
    envelope: Any,
    *,
    repository: str,
    digest: str,
    keys: Mapping[str, str],
    revoked: Iterable[str] = (),
) -> Verified:
    """Which of these keys (id to PEM) state what about this digest of this repository.

    Raises NotVerified: nothing readable, nobody we trust, or a statement about another image.
    """
    opened = _opened(envelope)
    good = tuple(sorted(_good(opened, keys)))
    if not good:
        raise NotVerified(_why_nobody(opened, set(revoked)), field="envelope")
    # Only now is it read: before, it is anybody's text.
    statement = _statement(opened)
    _check_subject(statement, repository=repository, digest=digest)
    return Verified(predicate=statement.predicate, key_ids=good)


def _opened(envelope: Any) -> Envelope:
    if not isinstance(envelope, dict) or not isinstance(envelope.get("signatures"), list):
        raise NotVerified(
            "That is no DSSE envelope: payload, payloadType and signatures.", field="envelope"
        )
    if len(envelope["signatures"]) > MOST_SIGNATURES:
        raise NotVerified(
            f"The envelope has {len(envelope['signatures'])} signatures; at most {MOST_SIGNATURES} "
            "are looked at.",
            field="envelope",
        )
    _refuse_unwritable(envelope)
    try:
        opened = Envelope.from_dict(copy.deepcopy(envelope))  # it changes what it is given
    except (ValueError, KeyError, TypeError, AttributeError, SignatureError) as error:
        raise NotVerified(f"The envelope cannot be read ({error}).", field="envelope") from None
    if opened.payload_type != PAYLOAD:
        raise NotVerified(
            f"The envelope holds `{opened.payload_type}`; an in-toto statement is `{PAYLOAD}`.",
            field="envelope",
        )
    if len(opened.payload) > LONGEST_PAYLOAD:
        raise NotVerified(
            f"The statement is longer than {LONGEST_PAYLOAD // 1024} KiB.", field="envelope"
        )
    return opened


def _refuse_unwritable(envelope: dict[str, Any]) -> None:
    """Half a character, which an escape can write, would break whatever repeats it to a person."""
    try:
        json.dumps(envelope, ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise NotVerified(
            "The envelope holds text that is no text, or is nested too deeply.", field="envelope"
        ) from None


def _good(envelope: Envelope, keys: Mapping[str, str]) -> Iterable[str]:
    """The ids of the keys that really signed it."""
    for key_id in envelope.signatures.keys() & keys.keys():
        key = _key(keys[key_id])
        try:
            envelope.verify([key], threshold=1)
        except (ValueError, SignatureError):
            continue
        yield str(key.keyid)


def _why_nobody(envelope: Envelope, revoked: set[str]) -> str:
    named = sorted(envelope.signatures)
    if gone := [key for key in named if key in revoked]:
        return (
            f"It is signed by a key that was revoked ({gone[0][:12]}…); sign it anew with another."
        )
    if not named:
        return "The envelope carries no signature."
    return (
        f"No signature of it is a known key's: it names {', '.join(key[:12] for key in named[:3])}. "
        "A platform admin adds signing keys; the id of one is made of the key itself."
    )


def _statement(envelope: Envelope) -> Statement:
    try:
        statement = msgspec.json.decode(envelope.payload, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotVerified(
            f"What is signed is no in-toto statement ({error}).", field="envelope"
        ) from None
    if statement.type not in STATEMENTS:
        raise NotVerified(
            f"What is signed is a `{statement.type}`, not an in-toto statement.", field="envelope"
        )
    if not statement.predicate.strip():
        raise NotVerified("The statement has no predicateType.", field="envelope")
    if not statement.predicate.isprintable() or len(statement.predicate) > LONGEST_TYPE:
        raise NotVerified(
            f"The predicateType has characters that cannot be seen, or over {LONGEST_TYPE}.",
            field="envelope",
        )
    return statement


def _check_subject(statement: Statement, *, repository: str, digest: str) -> None:
    """What was signed for another image, or another repository, says nothing about this one."""
    algorithm, _, value = digest.partition(":")
    same = [s for s in statement.subject if s.digest.get(algorithm) == value]
    if not same:
        raise NotVerified(f"The statement is about another digest than {digest}.", field="digest")
    if not any(subject.name == repository for subject in same):
        raise NotVerified(
            f"The statement was made for `{same[0].name}`, not for `{repository}`; a signature "
            "counts for the repository that it names.",
            field="repository",
        )


def _key(pem: str) -> SSlibKey:
    try:
        return SSlibKey.from_crypto(load_pem_public_key(pem.encode()))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if "PRIVATE KEY" in pem:
            raise BadKey(
                "That is a private key. Give the public half, and take this one out of use: it has "
                "been sent.",
                field="pem",
            ) from None
        raise BadKey(
            f"That is no public key in PEM that signatures can be checked with ({error}).",
            field="pem",
        ) from None


def _union(some: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*some, *others}))


def _less(ids: Iterable[str], key_id: str) -> tuple[str, ...]:
    return tuple(each for each in ids if each != key_id)
