"""What does a policy leave to the webhook? Decided once, for whoever calls it and whoever answers.

A rule that the API server cannot hold and that nobody routes to the webhook silently does not hold.
So every setting of a document is named here, on one side or the other; a new one that is on neither
fails a test.
"""

from dataclasses import dataclass

from .document import Document, Repositories

# What the API server decides by itself, compiled into its rules.
KNOWN_TO_CEL = frozenset(
    {
        "mode",
        "default",
        "scopes",
        "deny",
        "canonical_host",
        "tags.forbid",
        "tags.with_digest",
        "tags.require_pattern",
        "digest.required",
        "digest.algorithms",
        "on_unparsable",
        "blank_image",
        "controllers",
        "update_mode",
        "exempt_namespaces",
        "argo.templated",
        "mirror_pods",
    }
)
# What takes a clock, a verifier's word or a reader of YAML.
ASKS_THE_WEBHOOK = frozenset({"exemptions", "signature", "attestations", "argo.resource_manifests"})
SAYS_NOTHING = frozenset({"name"})


@dataclass(frozen=True)
class Asked:
    """What only the webhook can answer. Of repositories, an empty tuple is every image there is."""

    signed: tuple[Repositories, ...] | None  # None: no image need be signed
    attested: tuple[tuple[Repositories, ...], ...]  # one for each attestation
    exempting: bool
    manifests: bool  # those inside of workflows are read

    @property
    def proof(self) -> tuple[tuple[Repositories, ...], ...]:
        """All of which somebody must vouch for."""
        return (*(() if self.signed is None else (self.signed,)), *self.attested)


def asks_of(document: Document) -> Asked:
    """What this policy leaves to the webhook."""
    return Asked(
        signed=document.signature.repositories if document.signature is not None else None,
        attested=tuple(asked.repositories for asked in document.attestations),
        exempting=bool(document.exemptions),
        manifests=document.argo.resource_manifests == "scan",
    )
