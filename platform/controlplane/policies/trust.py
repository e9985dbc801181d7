"""Who vouches for this image? Its facts held against the policy's keys."""

from collections.abc import Iterable
from dataclasses import dataclass

from .document import Attestation, Document, Signature
from .facts import Facts, ImageFacts
from .holding import Policy
from .references import Reference
from .rules import Broken
from .verdict import Code

_UNPINNED = "only an image named by its digest can be vouched for: a tag may move; write @sha256:…"
_UNSEEN = "unknown digest: its push event was not seen; push it through the pipeline that signs"


@dataclass(frozen=True, slots=True)
class Proof:
    """What is missing, and what is forgiven because the verifier could not work."""

    broken: tuple[Broken, ...] = ()
    forgiven: tuple[Broken, ...] = ()


def proven(image: Reference, document: Document, policy: Policy, facts: Facts) -> Proof:
    """Whether everything the policy asks to be said of this image was said by the right keys."""
    if image.digest is None:
        return Proof((Broken(Code.SIGNATURE, _UNPINNED),))
    known = facts.of(image.name, image.digest)
    if known is None:
        return Proof((Broken(Code.UNKNOWN_DIGEST, _UNSEEN),))
    if known.error is not None:
        return _unverified(known.error, document)
    return Proof(tuple(_missing(image, known, document, policy)))


def _unverified(error: str, document: Document) -> Proof:
    broken = Broken(Code.SIGNATURE, f"its signatures could not be verified: {error[:200]}")
    signature = document.signature
    if signature is not None and signature.on_error == "allow":
        return Proof(forgiven=(broken,))
    return Proof((broken,))


def _missing(
    image: Reference, known: ImageFacts, document: Document, policy: Policy
) -> Iterable[Broken]:
    signature = document.signature
    if signature is not None and policy.must_be_signed(image):
        yield from _unsigned(image, known, signature)
    revoked = frozenset(signature.revoked if signature else ())
    for index in policy.attestations_of(image):
        yield from _unattested(known, document.attestations[index], revoked)


def _unsigned(image: Reference, known: ImageFacts, wanted: Signature) -> Iterable[Broken]:
    trusted = frozenset(wanted.keys) - frozenset(wanted.revoked)
    signers = {
        signature.key
        for signature in known.signatures
        if signature.key in trusted
        and (not wanted.bind_repository or signature.repository in {None, image.name})
    }
    needed = max(wanted.threshold, 1)
    if len(signers) < needed:
        reason = f"{len(signers)} of the {needed} signatures it needs are by the policy's keys"
        yield Broken(Code.SIGNATURE, f"{reason}; have it signed by the pipeline")


def _unattested(
    known: ImageFacts, wanted: Attestation, revoked: frozenset[str]
) -> Iterable[Broken]:
    trusted = frozenset(wanted.keys) - revoked
    if any(said.type == wanted.type and said.key in trusted for said in known.attestations):
        return
    yield Broken(
        Code.ATTESTATION,
        f"no attestation of type {wanted.type[:200]} by the policy's keys; have the pipeline add it",
    )
