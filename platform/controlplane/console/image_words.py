"""What does an image policy say in words? A document in, lines for people out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controlplane.policies.document import EVERYTHING, Document, Repositories

UNDER = "/**"


@dataclass(frozen=True)
class Line:
    """One thing the policy says: a term and its words, each a paragraph of its own."""

    term: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Allowed:
    """A repository in a list: its name as people write it, and what of it is meant."""

    name: str
    means: str


def repositories(entries: Sequence[Repositories]) -> tuple[Allowed, ...]:
    """Each entry by registry and name, in the order of the alphabet."""
    return tuple(sorted({_repository(each) for each in entries}, key=lambda a: (a.name, a.means)))


def allowed_in(document: Document, namespace: str) -> tuple[Allowed, ...]:
    """What the scopes of a document allow in this namespace."""
    entries = [e for scope in document.scopes if namespace in scope.namespaces for e in scope.allow]
    return repositories(entries)


def requirements(document: Document, keys: Mapping[str, str]) -> tuple[Line, ...]:
    """What an image must be like beside its repository. `keys`: names of signing keys by id."""
    return tuple(
        Line(term, words)
        for term, words in (
            ("Tags", tuple(_tags(document))),
            ("Digest", tuple(_digest(document))),
            ("Signatures", tuple(_signatures(document, keys))),
            ("Argo", tuple(_argo(document))),
            ("Spelling", tuple(_spelling(document))),
            ("Updates", tuple(_updates(document))),
        )
        if words
    )


def _repository(entry: Repositories) -> Allowed:
    if entry.repository == EVERYTHING:
        return Allowed(entry.registry, "every repository of this registry")
    if entry.repository.endswith(UNDER):
        return Allowed(f"{entry.registry}/{entry.repository.removesuffix(UNDER)}/…", "all under it")
    return Allowed(f"{entry.registry}/{entry.repository}", "this repository")


def _tags(document: Document) -> Iterator[str]:
    tags = document.tags
    if tags.forbid:
        yield f"Never {_listed(tags.forbid, 'or')}. No tag and no digest counts as latest."
    if tags.require_pattern:
        yield f"Its tag has the form {tags.require_pattern}"
    if (tags.forbid or tags.require_pattern) and tags.with_digest == "ignore":
        yield "An image with a digest may have any tag beside it."
    if not tags.forbid and not tags.require_pattern:
        yield "Any."


def _digest(document: Document) -> Iterator[str]:
    kinds = _listed(document.digest.algorithms, "or")
    if document.digest.required:
        yield f"Required: every image is pinned by its digest ({kinds})."
    else:
        yield f"Not required; where there is one, it is {kinds}."


def _signatures(document: Document, keys: Mapping[str, str]) -> Iterator[str]:
    signature = document.signature
    if signature is None and not document.attestations:
        yield "None are asked for."
    if signature is not None:
        who = _listed([keys.get(key, key[:12]) for key in signature.keys], "and")
        many = f"{signature.threshold} of " if len(signature.keys) > 1 else ""
        yield f"Signed by {many}{who}{_about(signature.repositories)}."
        if signature.revoked:
            yield f"{_listed([keys.get(k, k[:12]) for k in signature.revoked], 'and')} no longer counts."
    for asked in document.attestations:
        who = _listed([keys.get(key, key[:12]) for key in asked.keys], "or")
        yield f"A statement {asked.type} signed by {who}{_about(asked.repositories)}."


def _argo(document: Document) -> Iterator[str]:
    if document.argo.templated == "deny":
        yield "Images are written out: {{…}} in an image is refused at submission."
    else:
        yield "Images with {{…}} are judged when their pod is made."
    if document.argo.resource_manifests == "scan":
        yield "Manifests inside resource templates are read, too."


def _spelling(document: Document) -> Iterator[str]:
    if document.canonical_host == "require":
        yield "Registries are written in lower case, without a port that goes without saying."
    if document.on_unparsable == "allow":
        yield "What is not the name of an image is let through, and noted."
    if document.blank_image == "allow":
        yield "A container may name no image."


def _updates(document: Document) -> Iterator[str]:
    if document.update_mode == "all":
        yield "Every image of an object is judged at each change of it."
    else:
        yield "What runs already goes on; only images that a change brings are judged."
    if document.controllers == "warn":
        yield "Deployments, workflows and their like only warn; their pods are refused."


def _about(entries: Sequence[Repositories]) -> str:
    if not entries:
        return ""
    return f" (for {_listed([a.name for a in repositories(entries)], 'and')})"


def _listed(words: Sequence[str], joined_by: str) -> str:
    *first, last = words or ("nobody",)
    return f"{', '.join(first)} {joined_by} {last}" if first else last
