"""What may an image be? A small algebra: every rule says how an image breaks it, or None.

Rules see a parsed reference only. Nothing is allowed by an absence: an empty `AllOf` denies, and an
entry of a policy that no image can match allows nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from .document import EVERYTHING, Repositories
from .patterns import Pattern
from .references import (
    HUB,
    OTHER_HUBS,
    Reference,
    canonical_registry,
    canonical_repository,
)
from .verdict import Code

UNDER = "/**"


class Broken(NamedTuple):
    """How an image breaks a rule: a code for programs, a sentence for people."""

    code: Code
    reason: str


class Rule(Protocol):
    """Anything that judges an image."""

    def violation(self, image: Reference) -> Broken | None: ...


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every rule holds."""

    rules: Sequence[Rule]

    def violation(self, image: Reference) -> Broken | None:
        if not self.rules:
            return Broken(Code.NOT_ALLOWED, "the policy has no rule that would allow it")
        return next((b for rule in self.rules if (b := rule.violation(image))), None)

    def violations(self, image: Reference) -> list[Broken]:
        """Every rule that does not hold, so that a person mends all at once."""
        if not self.rules:
            return [Broken(Code.NOT_ALLOWED, "the policy has no rule that would allow it")]
        return [b for rule in self.rules if (b := rule.violation(image)) is not None]


class RepositorySet:
    """Some repositories; asking costs the depth of a path, not the number of entries."""

    __slots__ = ("_exact", "_under", "_whole")

    def __init__(self, entries: Iterable[Repositories]) -> None:
        self._whole: set[str] = set()
        self._exact: dict[str, set[str]] = {}
        self._under: dict[str, set[str]] = {}
        for entry in entries:
            self._add(entry)

    def __contains__(self, image: Reference) -> bool:
        # A registry spelt otherwise is the same registry; whether that spelling is taken at all
        # is another rule's business.
        registry = canonical_registry(image.registry)
        if registry in self._whole:
            return True
        repository = canonical_repository(registry, image.repository)
        if repository in self._exact.get(registry, ()):
            return True
        under = self._under.get(registry)
        if under is None:
            return False
        # `a/b/c` stands under `a/b` and under `a`.
        slash = repository.rfind("/")
        while slash > 0:
            if repository[:slash] in under:
                return True
            slash = repository.rfind("/", 0, slash)
        return False

    def __bool__(self) -> bool:
        return bool(self._whole or self._exact or self._under)

    def _add(self, entry: Repositories) -> None:
        registry = canonical_registry(entry.registry)
        if entry.repository == EVERYTHING:
            self._whole.add(registry)
        elif entry.repository.endswith(UNDER):
            self._under.setdefault(registry, set()).add(entry.repository.removesuffix(UNDER))
        else:
            repository = canonical_repository(registry, entry.repository)
            self._exact.setdefault(registry, set()).add(repository)


@dataclass(frozen=True, slots=True)
class RepositoryIn:
    """The repository is one of these."""

    repositories: RepositorySet

    def violation(self, image: Reference) -> Broken | None:
        if image in self.repositories:
            return None
        return Broken(
            Code.NOT_ALLOWED,
            f"repository {_shown(image)} is not one this namespace may run",
        )


@dataclass(frozen=True, slots=True)
class DenyRepositories:
    """The repository is none of these, however its registry is spelt."""

    repositories: RepositorySet

    def violation(self, image: Reference) -> Broken | None:
        if image not in self.repositories and not self._by_another_door(image):
            return None
        return Broken(Code.DENIED, f"repository {_shown(image)} is denied by the policy")

    def _by_another_door(self, image: Reference) -> bool:
        if canonical_registry(image.registry) not in OTHER_HUBS:
            return False
        return Reference(HUB, image.repository, image.tag, image.digest) in self.repositories


@dataclass(frozen=True, slots=True)
class CanonicalHost:
    """The registry is spelt the one way: lower case, and no port that goes without saying."""

    def violation(self, image: Reference) -> Broken | None:
        canonical = canonical_registry(image.registry)
        if canonical == image.registry:
            return None
        return Broken(Code.NOT_CANONICAL, f"write its registry as {canonical[:120]}")


@dataclass(frozen=True, slots=True)
class TagRule:
    """The tag is none of the forbidden ones, and has the wanted form. No tag is `latest`."""

    forbidden: frozenset[str] = frozenset()
    pattern: Pattern | None = None
    unreadable: bool = False  # a pattern that nobody can read fits no tag
    with_digest: Literal["ignore", "check"] = "ignore"

    def violation(self, image: Reference) -> Broken | None:
        if image.digest is not None and (self.with_digest == "ignore" or image.tag is None):
            return None
        tag = image.tag or "latest"
        said = f"tag {tag}" if image.tag else "no tag, which means latest,"
        if tag in self.forbidden:
            return Broken(Code.TAG, f"{said} is forbidden; name a version")
        if self.unreadable:
            return Broken(Code.TAG, f"{said} is held to a pattern of the policy that is unreadable")
        if self.pattern is not None and not self.pattern.fullmatch(tag):
            return Broken(Code.TAG, f"{said} does not have the form {self.pattern.pattern[:120]}")
        return None


@dataclass(frozen=True, slots=True)
class DigestPinned:
    """The image names its digest, so that what was looked at is what runs."""

    def violation(self, image: Reference) -> Broken | None:
        if image.digest is not None:
            return None
        return Broken(Code.NO_DIGEST, "it must be pinned: write its digest after it, @sha256:…")


@dataclass(frozen=True, slots=True)
class DigestAlgorithm:
    """If it names a digest, then of one of these algorithms."""

    algorithms: frozenset[str]

    def violation(self, image: Reference) -> Broken | None:
        if image.digest is None:
            return None
        algorithm = image.digest.partition(":")[0]
        if algorithm in self.algorithms:
            return None
        wanted = " or ".join(sorted(self.algorithms)) or "none"
        return Broken(Code.ALGORITHM, f"its digest is {algorithm}; allowed: {wanted}")


def _shown(image: Reference) -> str:
    name = image.name
    # A short name is told as what it means: that is often the surprise.
    hint = " (a name without a registry is Docker Hub's)" if image.registry == HUB else ""
    return f"{name[:200]}{hint}"
