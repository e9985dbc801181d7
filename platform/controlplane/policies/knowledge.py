"""What was verified of these images, as the facts that a verdict is made from."""

from collections.abc import Iterable

from .artifacts import Signers
from .facts import AttestationFact, Facts, ImageFacts, SignatureFact
from .models import Artifact
from .references import NotAReference, parse

AT_ONCE = 500


def facts_about(images: Iterable[str]) -> Facts:
    """What is known of the digests that these images carry. One query for each 500 of them."""
    digests = sorted({digest for image in images if (digest := _digest_of(image))})
    rows: list[Artifact] = []
    for start in range(0, len(digests), AT_ONCE):
        rows += Artifact.objects.filter(digest__in=digests[start : start + AT_ONCE])
    return Facts({name: _facts_of(signers) for name, signers in united(rows).items()})


def signers_of(artifact: Artifact) -> Signers:
    """A row's facts as a value."""
    return Signers(
        tuple(artifact.key_ids),
        tuple((each["type"], tuple(each["key_ids"])) for each in artifact.attestations),
    )


def united(rows: Iterable[Artifact]) -> dict[str, Signers]:
    """Who signed each of these images, whichever team said so."""
    found: dict[str, Signers] = {}
    for row in rows:
        found[str(row)] = found.get(str(row), Signers()).and_also(signers_of(row))
    return found


def _facts_of(signers: Signers) -> ImageFacts:
    return ImageFacts(
        signatures=tuple(SignatureFact(key=key) for key in signers.key_ids),
        attestations=tuple(
            AttestationFact(type=kind, key=key) for kind, ids in signers.attestations for key in ids
        ),
    )


def _digest_of(image: str) -> str | None:
    try:
        return parse(image).digest
    except NotAReference:
        return None
