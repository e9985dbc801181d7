"""Which rules hold in a namespace? A document, made ready for many questions.

Made once per document and forgotten with it, so that a reloaded bundle leaves nothing behind.
"""

import weakref
from functools import partial

from .asking import asks_of
from .document import Document, Exemption, Repositories
from .patterns import NotAPattern, Pattern
from .references import NotAReference, Reference, parse
from .rules import (
    AllOf,
    CanonicalHost,
    DenyRepositories,
    DigestAlgorithm,
    DigestPinned,
    RepositoryIn,
    RepositorySet,
    Rule,
    TagRule,
)


class Policy:
    """One document with its rules, namespace by namespace, built when first asked for."""

    __slots__ = (
        "_attested",
        "_namespaces",
        "_signed",
        "_without_scope",
        "exemptions",
        "reads_manifests",
    )

    def __init__(self, document: Document) -> None:
        # The document itself is not held: it would never be forgotten.
        self.exemptions = _exemptions(document)
        asked = asks_of(document)
        self._signed = None if asked.signed is None else _wanted(asked.signed)
        self.reads_manifests = asked.manifests
        self._attested = tuple(_wanted(repositories) for repositories in asked.attested)
        self._namespaces: dict[str, AllOf] = {}
        self._without_scope = AllOf(_rules(document, None))
        for scope in document.scopes:
            for namespace in scope.namespaces:
                if namespace not in self._namespaces:
                    self._namespaces[namespace] = AllOf(_rules(document, namespace))

    def for_namespace(self, namespace: str | None) -> AllOf:
        """What an image there has to fulfil; None and unknown namespaces are in no scope."""
        if namespace is None:
            return self._without_scope
        return self._namespaces.get(namespace, self._without_scope)

    def must_be_signed(self, image: Reference) -> bool:
        """Whether the policy asks for a signature of this image."""
        return self._signed is not None and image in self._signed

    def attestations_of(self, image: Reference) -> tuple[int, ...]:
        """Which of the policy's attestations it asks of this image."""
        return tuple(i for i, wanted in enumerate(self._attested) if image in wanted)

    def wants_proof(self, image: Reference) -> bool:
        """Whether facts are needed to judge it."""
        if self._signed is None and not self._attested:
            return False
        return self.must_be_signed(image) or any(image in wanted for wanted in self._attested)


class _Every:
    """Every repository."""

    def __contains__(self, image: Reference) -> bool:
        return True


Kept = tuple[weakref.ref[Document], Policy]
_kept: dict[int, Kept] = {}


def policy_of(document: Document) -> Policy:
    """The document, ready to be asked; the same one as long as the document lives."""
    kept = _kept.get(id(document))
    if kept is not None and kept[0]() is document:
        return kept[1]
    policy = Policy(document)
    _kept[id(document)] = (weakref.ref(document, partial(_forget, id(document))), policy)
    return policy


def _forget(key: int, _: object, kept: dict[int, Kept] = _kept) -> None:
    # Its own argument: at the end of a process the module's names go before the documents do.
    kept.pop(key, None)


def _wanted(repositories: tuple[Repositories, ...]) -> RepositorySet | _Every:
    return RepositorySet(repositories) if repositories else _Every()


def _rules(document: Document, namespace: str | None) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    if document.canonical_host == "require":
        rules.append(CanonicalHost())
    if document.deny:
        rules.append(DenyRepositories(RepositorySet(document.deny)))
    if document.default == "deny":
        allow = [a for s in document.scopes if namespace in s.namespaces for a in s.allow]
        rules.append(RepositoryIn(RepositorySet(allow)))
    if document.tags.forbid or document.tags.require_pattern is not None:
        rules.append(_tag_rule(document))
    if document.digest.required:
        rules.append(DigestPinned())
    rules.append(DigestAlgorithm(frozenset(document.digest.algorithms)))
    return tuple(rules)


def _tag_rule(document: Document) -> TagRule:
    tags = document.tags
    forbidden = frozenset(tags.forbid)
    if tags.require_pattern is None:
        return TagRule(forbidden, with_digest=tags.with_digest)
    try:
        pattern = Pattern(tags.require_pattern)
    except NotAPattern:
        # Refused where policies are saved; here it must not open what it was to close.
        return TagRule(forbidden, unreadable=True, with_digest=tags.with_digest)
    return TagRule(forbidden, pattern, with_digest=tags.with_digest)


def _exemptions(document: Document) -> dict[str, tuple[Exemption, ...]]:
    """Those that count at all, by the exact text of the image; the clock is not looked at."""
    found: dict[str, tuple[Exemption, ...]] = {}
    for exemption in document.exemptions:
        if counts(exemption):
            found[exemption.image] = (*found.get(exemption.image, ()), exemption)
    return found


def counts(exemption: Exemption) -> bool:
    """Whether somebody else approved it, of an image that has a name, with the digest it says."""
    if not exemption.approved_by or exemption.approved_by == exemption.requested_by:
        return False
    try:
        image = parse(exemption.image)
    except NotAReference:
        return False
    return exemption.digest is None or exemption.digest == image.digest
