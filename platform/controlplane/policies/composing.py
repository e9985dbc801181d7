"""What binds a team? One document out of everything that is said about it, and one bundle a cluster.

Allows add up, denials add up, and of two requirements the stricter one holds. Whoever lists what is
allowed and says nothing of the rest has denied the rest. Where nobody says anything, nothing but the
platform's own Argo runs.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

import msgspec

from tenants import names

from .bundle import Bundle
from .document import CLUSTER_SCOPED, Argo, Digest, Document, Repositories, Scope, Signature, Tags
from .references import NotAReference, parse
from .saying import CLUSTER, CONTROL, PLATFORM, Conflict, Place, Policy, Said, Settings, YesNo

ALGORITHMS = ("sha256", "sha384", "sha512")
Strict = TypeVar("Strict", bound=str)


@dataclass(frozen=True)
class Unversioned:
    """What a bundle says: the same for the same rows, whenever it is asked for."""

    cluster: str
    trust_epoch: int
    documents: dict[str, Document]
    namespaces: dict[str, str]
    stand_down_until: datetime | None

    def digest(self) -> str:
        """Stands for all of it."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def at(self, version: int, created: datetime) -> Bundle:
        """The bundle, as the next thing a cluster is told."""
        return Bundle(
            version=version,
            created=created,
            cluster=self.cluster,
            trust_epoch=self.trust_epoch,
            documents=self.documents,
            namespaces=self.namespaces,
            stand_down_until=self.stand_down_until,
        )


def documents(said: Said, places: Sequence[Place]) -> dict[str, Document]:
    """Every document of a cluster with these namespaces, by name.

    A team about which contradictory things are said runs the platform's Argo and nothing else; the
    others keep theirs. Raises Conflict for a namespace that must not be judged at all.
    """
    for place in places:
        _check_place(place)
    by_team: dict[str, list[Place]] = {}
    for place in places:
        by_team.setdefault(place.team, []).append(place)
    of_teams = {team: _of_team(said, team, theirs) for team, theirs in sorted(by_team.items())}
    # Last: were a team called so, its namespaces would find a document that does not name them.
    controls = tuple(sorted(place.control for place in places))
    return {
        **of_teams,
        CONTROL: control_document(said, controls),
        CLUSTER: cluster_document(said),
    }


def tiers_of_teams(places: Iterable[Place]) -> dict[str, frozenset[str]]:
    """Of which tiers each team's namespaces are."""
    tiers: dict[str, set[str]] = {}
    for place in places:
        tiers.setdefault(place.team, set()).add(place.tier)
    return {team: frozenset(slugs) for team, slugs in tiers.items()}


def team_document(
    said: Said, team: str, *, tiers: frozenset[str], namespaces: tuple[str, ...]
) -> Document:
    """What a team may run in these namespaces. Raises Conflict."""
    about = said.about(team, tiers)
    return msgspec.structs.replace(
        _composed(about, _Context.of(said)),
        name=team,
        mode="audit" if team in said.audited else "enforce",
        scopes=(Scope(namespaces, _allowed(about, said)),),
        exemptions=said.exemptions.get(team, ()),
    )


def control_document(said: Said, namespaces: tuple[str, ...]) -> Document:
    """What the control namespaces may run: the platform's Argo, whatever anybody allows beside it."""
    about = tuple(p for p in said.policies if p.scope == CONTROL)
    return msgspec.structs.replace(
        _composed(about, _Context.of(said)),
        name=CONTROL,
        default="deny",
        scopes=(Scope(namespaces, argo_repositories(said.argo_images)),),
    )


def cluster_document(said: Said) -> Document:
    """What objects without a namespace may name: ClusterWorkflowTemplates."""
    about = tuple(p for p in said.policies if p.scope in {PLATFORM, CLUSTER})
    return msgspec.structs.replace(
        _composed(about, _Context.of(said)),
        name=CLUSTER,
        scopes=(Scope((CLUSTER_SCOPED,), _allowed(about, said)),),
    )


def bundle(
    said: Said,
    places: Sequence[Place],
    *,
    cluster: str,
    trust_epoch: int,
    stand_down_until: datetime | None,
) -> Unversioned:
    """What a cluster's bundle says, whenever it is made. Raises Conflict."""
    return Unversioned(
        cluster=cluster,
        trust_epoch=trust_epoch,
        documents=documents(said, places),
        namespaces={
            **{place.namespace: place.team for place in places},
            **{place.control: CONTROL for place in places},
            CLUSTER_SCOPED: CLUSTER,
        },
        stand_down_until=stand_down_until,
    )


@lru_cache(maxsize=64)
def argo_repositories(images: tuple[str, ...]) -> tuple[Repositories, ...]:
    """Where the platform's own Argo comes from. Raises Conflict for a setting that names no image."""
    return tuple(dict.fromkeys(_repository_of(image) for image in images))


@dataclass(frozen=True)
class _Context:
    """What the names in a policy stand for."""

    keys: Mapping[str, str]
    revoked: frozenset[str]

    @classmethod
    def of(cls, said: Said) -> "_Context":
        return cls(said.keys, said.revoked)

    def ids(self, names_or_ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.keys.get(word, word) for word in names_or_ids))


def _of_team(said: Said, team: str, places: Sequence[Place]) -> Document:
    namespaces = tuple(sorted(place.namespace for place in places))
    try:
        return team_document(
            said, team, tiers=frozenset(p.tier for p in places), namespaces=namespaces
        )
    except Conflict:
        # No policy can be saved that does this to a team; a namespace of another tier can come later.
        own = argo_repositories(said.argo_images)
        return Document(name=team, scopes=(Scope(namespaces, own),))


def _allowed(about: Sequence[Policy], said: Said) -> tuple[Repositories, ...]:
    listed = (entry for policy in about for entry in policy.settings.allow)
    return tuple(dict.fromkeys((*argo_repositories(said.argo_images), *listed)))


def _composed(about: Sequence[Policy], context: _Context) -> Document:
    """The requirements of all of these together, for no namespace yet."""
    said = [policy.settings for policy in about]
    return Document(
        default=_strictest((_default_of(s) for s in said), "deny", "allow", unsaid="deny"),
        deny=tuple(dict.fromkeys(entry for s in said for entry in s.deny)),
        canonical_host=_strictest(
            (s.canonical_host for s in said), "require", "normalise", unsaid="require"
        ),
        tags=_tags(about),
        digest=_digest(about),
        on_unparsable=_strictest((s.on_unparsable for s in said), "deny", "allow", unsaid="deny"),
        blank_image=_strictest((s.blank_image for s in said), "deny", "allow", unsaid="deny"),
        controllers=_strictest((s.controllers for s in said), "enforce", "warn", unsaid="enforce"),
        update_mode=_strictest(
            (s.update_mode for s in said), "all", "changed-only", unsaid="changed-only"
        ),
        signature=_signature(about, context),
        attestations=tuple(
            dict.fromkeys(
                msgspec.structs.replace(asked, keys=_trusted(asked.keys, context))
                for s in said
                for asked in s.attestations
            )
        ),
        argo=Argo(
            templated=_strictest((s.argo.templated for s in said), "deny", "defer", unsaid="deny"),
            resource_manifests=_strictest(
                (s.argo.resource_manifests for s in said), "scan", "defer", unsaid="defer"
            ),
        ),
        mirror_pods=_strictest((s.mirror_pods for s in said), "deny", "allow", unsaid="deny"),
    )


def _default_of(settings: Settings) -> YesNo | None:
    """Whoever lists what is allowed has denied the rest, unless they say otherwise."""
    return "deny" if settings.default is None and settings.allow else settings.default


def _strictest(
    said: Iterable[Strict | None], strict: Strict, lax: Strict, *, unsaid: Strict
) -> Strict:
    words = set(said)
    return strict if strict in words else lax if lax in words else unsaid


def _tags(about: Sequence[Policy]) -> Tags:
    patterns = {
        policy.settings.tags.require_pattern: policy.name
        for policy in about
        if policy.settings.tags.require_pattern is not None
    }
    if len(patterns) > 1:
        raise Conflict(
            f"tags.require_pattern: {' and '.join(sorted(patterns.values()))} ask for different "
            "patterns of the same images, and a tag is matched against one; write one pattern that "
            "is both.",
            field="settings",
        )
    said = [policy.settings.tags for policy in about]
    return Tags(
        forbid=tuple(dict.fromkeys(tag for tags in said for tag in tags.forbid)),
        with_digest=_strictest((t.with_digest for t in said), "check", "ignore", unsaid="ignore"),
        require_pattern=next(iter(patterns), None),
    )


def _digest(about: Sequence[Policy]) -> Digest:
    listed = [(p.name, p.settings.digest.algorithms) for p in about]
    named = [(name, algorithms) for name, algorithms in listed if algorithms is not None]
    accepted = [a for a in ALGORITHMS if all(a in algorithms for _, algorithms in named)]
    if not accepted:
        raise Conflict(
            f"digest.algorithms: {' and '.join(name for name, _ in named)} have none in common, so "
            "no digest would do.",
            field="settings",
        )
    return Digest(
        required=any(p.settings.digest.required for p in about),
        algorithms=tuple(accepted) if named else Digest().algorithms,
    )


def _signature(about: Sequence[Policy], context: _Context) -> Signature | None:
    """One requirement. Policies that ask for the same signers add up; others contradict."""
    asking = [(p.name, p.settings.signature) for p in about]
    asked = [(name, signature) for name, signature in asking if signature is not None]
    if not asked:
        return None
    who = {(frozenset(context.ids(s.keys)), s.threshold) for _, s in asked}
    if len(who) > 1:
        raise Conflict(
            f"signature: {' and '.join(name for name, _ in asked)} ask for different signers, and a "
            "team's images have one set; ask for the same keys and threshold in each, or let one of "
            "them ask.",
            field="settings",
        )
    rules = [signature for _, signature in asked]
    ids = context.ids(rules[0].keys)
    everything = any(not rule.repositories for rule in rules)
    return Signature(
        keys=ids,
        threshold=rules[0].threshold,
        bind_repository=any(rule.bind_repository for rule in rules),
        revoked=tuple(key for key in ids if key in context.revoked),
        on_error=_strictest((rule.on_error for rule in rules), "deny", "allow", unsaid="deny"),
        repositories=()
        if everything
        else tuple(dict.fromkeys(entry for rule in rules for entry in rule.repositories)),
    )


def _trusted(asked: Iterable[str], context: _Context) -> tuple[str, ...]:
    """The ids of keys that were not revoked: an attestation has no other place to say so."""
    return tuple(key for key in context.ids(asked) if key not in context.revoked)


def _check_place(place: Place) -> None:
    """No document ever names a namespace of the system, whatever a row may say."""
    if problem := names.problem_with(place.namespace):
        raise Conflict(f"namespaces: {place.namespace} is judged by no policy. {problem}")


def _repository_of(image: str) -> Repositories:
    try:
        found = parse(image)
    except NotAReference as error:
        raise Conflict(
            f"The platform's own image `{image}` is no valid reference: {error}."
        ) from None
    return Repositories(found.registry, found.repository)
