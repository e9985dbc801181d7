"""May this be said? What is wrong with a policy by itself, and what it would bring about."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from . import composing
from .decide import decide
from .document import EVERYTHING, Document, Repositories
from .facts import NO_FACTS
from .patterns import NotAPattern, Pattern
from .references import canonical_registry, canonical_repository, is_registry, is_repository, is_tag
from .saying import CONTROL, Conflict, DigestRules, Policy, Said, Settings, SignatureRules
from .verdict import Code, Question


def problems_with(policy: Policy, keys: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with a policy by itself, each as a sentence that begins with the field."""
    said = policy.settings
    for where, entries in _entries(said):
        for number, entry in enumerate(entries):
            if wrong := problem_with_entry(entry):
                yield f"{where}[{number}]: {wrong}"
    for number, tag in enumerate(said.tags.forbid):
        if not is_tag(tag):
            yield f"tags.forbid[{number}]: `{tag}` cannot be a tag."
    if said.tags.require_pattern is not None and (wrong := _bad_pattern(said.tags.require_pattern)):
        yield f"tags.require_pattern: {wrong}"
    yield from _bad_digests(said.digest)
    yield from _bad_signers(said, keys)
    if policy.scope == CONTROL and (said.allow or said.default is not None):
        yield (
            "allow: control namespaces run the platform's Argo and nothing else, so nothing is "
            "allowed there beside it; say it in a policy of another scope."
        )


def problem_with_entry(entry: Repositories) -> str | None:
    """Why nothing could ever be matched by this entry, or more than it seems; None if it is right."""
    return _problem_with_registry(entry.registry) or _problem_with_repository(entry)


def _problem_with_registry(registry: str) -> str | None:
    if not (registry == "localhost" or "." in registry or ":" in registry):
        return (
            f"the registry `{registry}` has no `.`, no `:` and is not localhost, so no image names "
            "it; write it with its domain, such as harbor.corp.example."
        )
    if not is_registry(registry):
        return f"`{registry}` cannot be a registry: a host, and a port where it has one."
    if registry != canonical_registry(registry):
        return f"write the registry `{registry}` as `{canonical_registry(registry)}`."
    return None


def _problem_with_repository(entry: Repositories) -> str | None:
    if entry.repository == EVERYTHING:
        return None
    name = entry.repository.removesuffix(f"/{EVERYTHING}")
    if "*" in name:
        return (
            f"the repository `{entry.repository}` is none of `name`, `prefix/**` and `**`: stars "
            "stand alone at the end, after a slash."
        )
    if not is_repository(name):
        return f"`{entry.registry}/{name}` is no valid reference, so no image could ever match it."
    whole = canonical_repository(entry.registry, name)
    if entry.repository == name and whole != name:
        return f"write the repository `{name}` of {entry.registry} as `{whole}`, as a runtime does."
    return None


def check(said: Said, teams: Iterable[tuple[str, frozenset[str]]]) -> None:
    """Refuse what may not be in force: teams whose policies contradict, or deny the platform's Argo.

    `teams` are all there are, with the tiers of their namespaces. Raises Conflict.
    """
    composed: dict[tuple[str, ...], None] = {}
    for team, tiers in [("", frozenset[str]()), *teams]:
        about = tuple(policy.name for policy in said.about(team, tiers))
        if about not in composed:  # most teams are bound by the same policies
            composed[about] = None
            _check_argo(
                said, composing.team_document(said, team, tiers=tiers, namespaces=("any",)), "any"
            )
    _check_argo(said, composing.control_document(said, ("any-argo",)), "any-argo")
    composing.cluster_document(said)


def _check_argo(said: Said, document: Document, namespace: str) -> None:
    """Refuse a document that would keep the platform's own images out."""
    enforced = msgspec.structs.replace(document, mode="enforce")
    for image in said.argo_images:
        question = question_of(image, namespace)
        verdict = decide(question, enforced, NO_FACTS)
        if not verdict.allowed:
            why = verdict.violations[0].reason
            raise Conflict(
                f"{field_of(verdict.violations[0].code, document)}: this would deny {image}, which the "
                f"platform itself runs for every team: {why}",
                field="settings",
            )


def question_of(image: str, namespace: str, *, now: datetime | None = None) -> Question:
    """May a pod of this one image be made there?"""
    return Question(
        group="",
        kind="Pod",
        operation="CREATE",
        object={
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "question", "namespace": namespace},
            "spec": {"containers": [{"name": "main", "image": image}]},
        },
        namespace=namespace,
        now=now,
    )


# Which setting each rule comes from. What cannot be read is no setting's: it is not among the allowed.
FIELDS: Mapping[Code, str] = {
    Code.NOT_ALLOWED: "allow",
    Code.DENIED: "deny",
    Code.NOT_CANONICAL: "canonical_host",
    Code.TAG: "tags",
    Code.NO_DIGEST: "digest.required",
    Code.ALGORITHM: "digest.algorithms",
    Code.BLANK: "blank_image",
    Code.UNPARSABLE: "on_unparsable",
    Code.TEMPLATED: "argo.templated",
    Code.PATCH: "allow",
    Code.SHAPE: "allow",
    Code.SIGNATURE: "signature",
    Code.ATTESTATION: "attestations",
    Code.UNKNOWN_DIGEST: "signature",
}


def field_of(code: Code, document: Document) -> str:
    """Which setting of this document a violation comes from."""
    field = FIELDS[code]
    if field == "signature" and document.signature is None:
        return "attestations"  # they, too, want a digest that is known
    return field


def _entries(said: Settings) -> Iterator[tuple[str, tuple[Repositories, ...]]]:
    yield "allow", said.allow
    yield "deny", said.deny
    if said.signature is not None:
        yield "signature.repositories", said.signature.repositories
    for number, asked in enumerate(said.attestations):
        yield f"attestations[{number}].repositories", asked.repositories


def _bad_pattern(pattern: str) -> str | None:
    """Why an API server and we would not read it alike; its own budget is 3,000 characters."""
    try:
        Pattern(pattern)
    except NotAPattern as error:
        return f"{error}."
    return None


def _bad_digests(digest: DigestRules) -> Iterator[str]:
    if digest.algorithms is None:
        return
    unknown = [a for a in digest.algorithms if a not in composing.ALGORITHMS]
    if unknown or not digest.algorithms:
        yield f"digest.algorithms: name one or more of {', '.join(composing.ALGORITHMS)}."


def _bad_signers(said: Settings, keys: Mapping[str, str]) -> Iterator[str]:
    asked = [(f"attestations[{n}]", a.keys, 1) for n, a in enumerate(said.attestations)]
    if said.signature is not None:
        asked.append(("signature", said.signature.keys, said.signature.threshold))
    known = {*keys, *keys.values()}
    for where, named, threshold in asked:
        if unknown := [key for key in named if key not in known]:
            yield (
                f"{where}.keys: there is no signing key {', '.join(unknown)}; add it first, or "
                f"choose among {', '.join(sorted(keys)) or 'none yet'}."
            )
        different = {keys.get(key, key) for key in named}
        if not 1 <= threshold <= len(different):
            yield (
                f"{where}.threshold: {threshold} different signers of {len(different)} keys can "
                "never be."
            )
    if said.signature is not None:
        yield from _promised_in_vain(said.signature)
    for number, attestation in enumerate(said.attestations):
        if not attestation.type.strip():
            yield f"attestations[{number}].type: an attestation is known by its predicate type."


def _promised_in_vain(signature: SignatureRules) -> Iterator[str]:
    """What a policy would forgive and never meets: images are verified once, at push.

    Nothing unverified is kept, for whoever may push could otherwise break a verification on purpose.
    """
    if signature.on_error != "deny":
        yield (
            "signature.on_error: an image is verified when it is pushed, with keys that are here, and "
            "what could not be verified then is refused and pushed again; leave it out. For an image "
            "that must run meanwhile, ask for an exemption."
        )
    if not signature.bind_repository:
        yield (
            "signature.bind_repository: a push is taken only with a statement that names its own "
            "repository, so no other would ever count; leave it out, and let the pipeline sign the "
            "copy of an image for the repository that it is copied to."
        )
