"""What does one policy mean to CEL? Words and names, so plain that a look-up and a comparison decide.

No pattern is made of a team's repositories: names are brought to their one spelling and compared
with texts. A tag's form alone is a pattern, where a policy asks for one.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from controlplane.policies.asking import asks_of
from controlplane.policies.document import EVERYTHING, Document, Repositories, Scope
from controlplane.policies.holding import counts
from controlplane.policies.patterns import NotAPattern, Pattern
from controlplane.policies.references import canonical_registry, canonical_repository
from controlplane.policies.rules import UNDER

NEVER = "^$"  # the form of no tag


class Flag(StrEnum):
    """What a policy wants, each a word."""

    NOTHING = "exempt-namespace"
    OPEN = "allowed-by-default"
    CANONICAL = "canonical-host"
    PINNED = "digest-required"
    BLANK = "blank-allowed"
    UNPARSABLE = "unparsable-allowed"
    AGAIN = "judge-unchanged"
    DEFERRED = "templated-deferred"
    TAGS_ALWAYS = "tags-with-digest"
    MIRROR = "mirror-pods"
    UNASKED = "nobody-to-ask"  # every image must be vouched for, and there is nobody to ask
    GLANCE = "at-a-glance"  # no wish: a pinned image of an allowed repository breaks no rule


# What a pinned image of an allowed repository may break all the same.
STRICTER = {Flag.TAGS_ALWAYS, Flag.UNASKED}


@dataclass(frozen=True)
class RuleSet:
    """One policy in one namespace, as the API server holds it."""

    flags: frozenset[str] = frozenset()
    algorithms: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()  # `registry/repository`, or a prefix that ends with a slash
    deny: frozenset[str] = frozenset()
    exempt: tuple[str, ...] = ()  # exact texts; the clock is the webhook's
    tags: tuple[str, ...] = ()
    form: str = ""
    audit: bool = False
    controllers_warn: bool = False


def rule_set(
    document: Document, namespaces: Collection[str], *, standing_down: bool = False
) -> RuleSet:
    """What the API server decides by itself of this policy in these namespaces of one team.

    While a cluster stands down nobody can be asked: what would be asked is denied.
    """
    if namespaces and all(n in document.exempt_namespaces for n in namespaces):
        return RuleSet(flags=frozenset({Flag.NOTHING}))
    allow = [a for s in document.scopes if _about(s, namespaces) for a in s.allow]
    unproven = _wants_proof(document) if standing_down else ()
    flags = {*_flags(document), *((Flag.UNASKED,) if None in unproven else ())}
    deny = _names((*document.deny, *unproven))
    if not deny and not flags & STRICTER and "sha256" in document.digest.algorithms:
        flags.add(Flag.GLANCE)
    return RuleSet(
        flags=frozenset(flags),
        algorithms=tuple(sorted(document.digest.algorithms)),
        allow=_names(allow),
        deny=deny,
        exempt=() if standing_down else exempted(document, namespaces),
        tags=tuple(tag for tag in document.tags.forbid if _one_word(tag)),
        form=_form(document),
        audit=document.mode == "audit",
        controllers_warn=document.controllers == "warn",
    )


def _about(scope: Scope, namespaces: Collection[str]) -> bool:
    """Of a document without namespaces yet (the first control namespace of a cluster), what it will be."""
    return bool({*scope.namespaces} & {*namespaces}) or not (scope.namespaces or namespaces)


def exempted(document: Document, namespaces: Collection[str]) -> tuple[str, ...]:
    """Images for which an exemption was approved, whenever it holds."""
    found = (
        e.image
        for e in document.exemptions
        if counts(e) and (not e.namespaces or {*e.namespaces} & {*namespaces})
    )
    return tuple(sorted(set(found)))


def proven_names(document: Document) -> frozenset[str] | None:
    """The repositories whose images somebody must vouch for; None is all there are."""
    wanted = _wants_proof(document)
    return None if None in wanted else _names(wanted)


def _wants_proof(document: Document) -> tuple[Repositories | None, ...]:
    """None stands for every image."""
    found: list[Repositories | None] = []
    for repositories in asks_of(document).proof:
        found += repositories or (None,)
    return tuple(found)


def _names(entries: Iterable[Repositories | None]) -> frozenset[str]:
    names = (name_of(entry) for entry in entries if entry is not None)
    return frozenset(name for name in names if _one_word(name))


def name_of(entry: Repositories) -> str:
    """`registry/repository`, or the prefix with its slash that stands for all below it."""
    registry = canonical_registry(entry.registry)
    if entry.repository == EVERYTHING:
        return f"{registry}/"
    if entry.repository.endswith(UNDER):
        return f"{registry}/{entry.repository.removesuffix(UNDER)}/"
    return f"{registry}/{canonical_repository(registry, entry.repository)}"


def _one_word(text: str) -> bool:
    """Whether it can be part of an image's name at all; what cannot would only break our lists."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _flags(document: Document) -> Iterable[str]:
    wishes = (
        (document.default == "allow", Flag.OPEN),
        (document.canonical_host == "require", Flag.CANONICAL),
        (document.digest.required, Flag.PINNED),
        (document.blank_image == "allow", Flag.BLANK),
        (document.on_unparsable == "allow", Flag.UNPARSABLE),
        (document.update_mode == "all", Flag.AGAIN),
        (document.argo.templated == "defer", Flag.DEFERRED),
        (document.tags.with_digest == "check", Flag.TAGS_ALWAYS),
        (document.mirror_pods == "allow", Flag.MIRROR),
    )
    return (flag for wished, flag in wishes if wished)


def _form(document: Document) -> str:
    asked = document.tags.require_pattern
    if asked is None:
        return ""
    try:
        Pattern(asked)
    except NotAPattern:
        return NEVER
    inner = asked.removeprefix("^")
    if inner.endswith("$") and not inner.endswith("\\$"):
        inner = inner[:-1]
    if not all(c.isprintable() and c.isascii() for c in inner):
        return NEVER
    return f"^(?:{inner})$"
