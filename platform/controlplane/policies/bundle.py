"""What a cluster holds of the platform's decisions: one sealed file, believed only by its signature.

Webhook, agent and scanner decide from such a file and nothing else. It is a DSSE envelope around
canonical JSON, signed by the platform's bundle key, so it may travel and lie anywhere: whoever
shortens it, changes it or puts an older one in its place is told so by `BundleRefused`.

Verdicts about signatures travel beside it in files of their own (`FactsDelta`): they change with
every push, a policy once a week.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SecuresystemslibError
from securesystemslib.signer import CryptoSigner, SSlibKey

from controlplane.errors import DomainError

from .document import Document

BUNDLE_FILE = "bundle.json"
FACTS_FILE = "facts.json"  # the first delta; later ones are facts-<version in 12 digits>.json
BUNDLE_TYPE = "application/vnd.argosy.image-bundle+json"
FACTS_TYPE = "application/vnd.argosy.image-facts+json"
LARGEST = 64 * 1024 * 1024  # of the sealed file; 500 teams with 5,000 repositories need one
FACTS_IN_ONE_FILE = (
    50_000  # a longer list is several files, so that loading never needs it all at once
)
BEGIN = b"-----BEGIN"


class BundleRefused(DomainError):
    """A sealed file that must not be used. The sentence says what is wrong with it."""

    code = "bundle_refused"


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that travels: immutable, and an unknown field is refused, not ignored.

    What is as by default is not sent: an older agent reads a newer platform's files for as long as
    nobody uses what is new in them. So a default stays what it is for ever: it is what silence means.
    """


class Bundle(Wire, frozen=True):
    """Every policy of one cluster, and which of its namespaces each one judges."""

    version: int
    created: datetime
    cluster: str
    trust_epoch: int
    documents: dict[str, Document]
    namespaces: dict[
        str, str
    ]  # namespace -> name of a document; "" stands for cluster-scoped objects
    stand_down_until: datetime | None = None

    def document_for(self, namespace: str) -> Document | None:
        """The policy that judges this namespace; none means it is nobody's, and nothing may run."""
        name = self.namespaces.get(namespace)
        return None if name is None else self.documents.get(name)


class AttestationFact(Wire, frozen=True):
    """A statement about an image that was verified, and by whose keys."""

    type: str
    key_ids: tuple[str, ...] = ()


class Fact(Wire, frozen=True):
    """What was verified about one image when it was pushed."""

    repository: str  # with its registry: harbor.acme.test/payments/api
    digest: str
    key_ids: tuple[str, ...]
    epoch: int
    at: datetime
    attestations: tuple[AttestationFact, ...] = ()
    made_for: dict[str, str] = {}  # key id -> the other repository that its signature names
    error: str = ""  # the verifier could not do its work


class FactsDelta(Wire, frozen=True):
    """What was verified after `since`, up to `version`. A chain of them, from 0 on, is all there is."""

    version: int
    since: int
    created: datetime
    cluster: str
    facts: tuple[Fact, ...]


Sealed = TypeVar("Sealed", Bundle, FactsDelta)
TYPES: dict[type[Bundle | FactsDelta], str] = {Bundle: BUNDLE_TYPE, FactsDelta: FACTS_TYPE}
WORDS: dict[type[Bundle | FactsDelta], str] = {
    Bundle: "policy bundle",
    FactsDelta: "list of verified images",
}


def canonical(content: Bundle | FactsDelta) -> bytes:
    """The bytes that are signed: keys in order, nothing between them; the same content, the same bytes."""
    return msgspec.json.encode(content, order="sorted")


def seal(content: Bundle | FactsDelta, key: Ed25519PrivateKey) -> bytes:
    """The content as a signed file."""
    envelope = Envelope(canonical(content), TYPES[type(content)], {})
    envelope.sign(CryptoSigner(key))
    return msgspec.json.encode(envelope.to_dict())


def open_sealed(
    data: bytes, public_keys: Iterable[Ed25519PublicKey], *, cluster: str | None = None
) -> Bundle:
    """The bundle in this file. Raises BundleRefused: unreadable, unsigned, or not for this cluster."""
    return _open(Bundle, data, public_keys, cluster)


def open_facts(
    data: bytes, public_keys: Iterable[Ed25519PublicKey], *, cluster: str | None = None
) -> FactsDelta:
    """The verdicts in this file. Raises BundleRefused as `open_sealed` does."""
    return _open(FactsDelta, data, public_keys, cluster)


def newer(old: Bundle | None, new: Bundle) -> bool:
    """Whether to put `new` in the place of `old`. Raises BundleRefused where it is a step back."""
    if old is None:
        return True
    if new.cluster != old.cluster:
        raise BundleRefused(
            f"This policy bundle is for cluster {new.cluster}, but one for {old.cluster} is in "
            "force; another cluster's is not taken."
        )
    if new.version < old.version:
        raise BundleRefused(
            f"This policy bundle is version {new.version}, but version {old.version} is in force; "
            "an older one is not taken. To go back, publish the earlier policies anew."
        )
    if new.trust_epoch < old.trust_epoch:
        raise BundleRefused(
            f"This policy bundle trusts as in epoch {new.trust_epoch}, before keys were revoked "
            f"(epoch {old.trust_epoch}); it is not taken."
        )
    if new.version > old.version:
        return True
    if canonical(new) != canonical(old):
        raise BundleRefused(
            f"Two different policy bundles both call themselves version {new.version}; "
            "the one in force stays until a later one comes."
        )
    return False


def fresh(bundle: Bundle, *, now: datetime, within: timedelta) -> None:
    """Raises BundleRefused where the bundle is older than allowed, or made in the future."""
    age = now - bundle.created
    if age > within:
        raise BundleRefused(
            f"The policy bundle (version {bundle.version}) was made {_span(age)} ago, and {_span(within)} "
            "is allowed; the platform or this cluster's agent does not bring new ones."
        )
    if -age > timedelta(hours=1):
        raise BundleRefused(
            f"The policy bundle (version {bundle.version}) says it was made at "
            f"{bundle.created.isoformat()}, which is to come; one of the two clocks is wrong."
        )


def read_keys(pem: bytes) -> tuple[Ed25519PublicKey, ...]:
    """The Ed25519 public keys of a PEM file, which may hold several (an old and a new one)."""
    keys = []
    for block in pem.split(BEGIN)[1:]:
        try:
            key = load_pem_public_key(BEGIN + block)
        except ValueError:
            raise BundleRefused(
                "The file of bundle keys holds something that is no public key."
            ) from None
        if not isinstance(key, Ed25519PublicKey):
            raise BundleRefused("The file of bundle keys holds a key that is not Ed25519.")
        keys.append(key)
    if not keys:
        raise BundleRefused("The file of bundle keys holds no key.")
    return tuple(keys)


def _open(
    kind: type[Sealed], data: bytes, public_keys: Iterable[Ed25519PublicKey], cluster: str | None
) -> Sealed:
    what = WORDS[kind]
    if len(data) > LARGEST:
        raise BundleRefused(f"The {what} is larger than {LARGEST // 1024**2} MiB; it is not read.")
    envelope = _envelope(data, what)
    # Before anything of it is read: what is not signed is nobody's word.
    _check_signature(envelope, [SSlibKey.from_crypto(key) for key in public_keys], what)
    if envelope.payload_type != TYPES[kind]:
        raise BundleRefused(f"The file is signed, but it is no {what} ({envelope.payload_type}).")
    try:
        content = msgspec.json.decode(envelope.payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleRefused(
            f"The {what} is signed, but this version of Argosy cannot read it: {error}."
        ) from None
    if cluster is not None and content.cluster != cluster:
        raise BundleRefused(f"The {what} is for cluster {content.cluster}, and this is {cluster}.")
    return content


def _envelope(data: bytes, what: str) -> Envelope:
    try:
        values: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
        envelope = Envelope.from_dict(values)
    except (ValueError, KeyError, TypeError, AttributeError, SecuresystemslibError):
        raise BundleRefused(
            f"The {what} is truncated or not a signed file ({len(data):,} bytes)."
        ) from None
    if not isinstance(envelope.payload_type, str):
        raise BundleRefused(f"The {what} is truncated or not a signed file ({len(data):,} bytes).")
    return envelope


def _check_signature(envelope: Envelope, keys: Sequence[SSlibKey], what: str) -> None:
    if not envelope.signatures:
        raise BundleRefused(f"The {what} carries no signature.")
    try:
        envelope.verify(list(keys), threshold=1)
    except (ValueError, SecuresystemslibError):
        raise BundleRefused(
            f"The {what} is not signed by this platform's bundle key, or was changed after signing."
        ) from None


def _span(length: timedelta) -> str:
    """Two days, 5 hours: as one says it."""
    hours = int(length.total_seconds() // 3600)
    if hours >= 48:  # noqa: PLR2004 - up to two days people count hours
        return f"{hours // 24} days"
    return f"{hours} hours" if hours else f"{int(length.total_seconds() // 60)} minutes"
