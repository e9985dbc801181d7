"""What binds a team? One document out of everything that is said about it, and one bundle a cluster.

Allows add up, denials add up, and of two requirements the stricter one holds. Whoever lists what is
allowed and says nothing of the rest has denied the rest. Where nobody says anything, nothing but the
platform's own Argo runs.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeVar

import msgspec

from controlplane.errors import DomainError
from tenants import names

from .bundle import Bundle
from .decide import decide
from .document import (
    CLUSTER_SCOPED,
    EVERYTHING,
    Argo,
    Attestation,
    Digest,
    Document,
    Exemption,
    NotAPolicy,
    Part,
    Repositories,
    Scope,
    Signature,
    Tags,
)
from .facts import NO_FACTS
from .patterns import NotAPattern, Pattern
from .references import (
    NotAReference,
    canonical_registry,
    canonical_repository,
    is_registry,
    is_repository,
    is_tag,
    parse,
)
from .verdict import Question

CONTROL, CLUSTER = "control", "cluster"  # names of documents; no team is called so
PLATFORM, TIER, TEAM = "platform", "tier", "team"

ALGORITHMS = ("sha256", "sha384", "sha512")

Strict = TypeVar("Strict", bound=str)
YesNo = Literal["deny", "allow"]


class Conflict(DomainError):
    """What is said about a team cannot be one policy, or must not be: the sentence names the field."""

    code = "bad_policy"


class TagRules(Part, frozen=True):
    """As `Tags` of a document, where silence is no opinion."""

    forbid: tuple[str, ...] = ()
    with_digest: Literal["ignore", "check"] | None = None
    require_pattern: str | None = None


class DigestRules(Part, frozen=True):
    """As `Digest` of a document, where silence is no opinion."""

    required: bool | None = None
    algorithms: tuple[str, ...] | None = None


class ArgoRules(Part, frozen=True):
    """As `Argo` of a document, where silence is no opinion."""

    templated: Literal["deny", "defer"] | None = None
    resource_manifests: Literal["defer", "scan"] | None = None


class SignatureRules(Part, frozen=True):
    """As `Signature` of a document; what is revoked is the key's own business."""

    keys: tuple[str, ...]  # by name, or by id
    threshold: int = 1
    bind_repository: bool = True
    on_error: YesNo = "deny"
    repositories: tuple[Repositories, ...] = ()


class Settings(Part, frozen=True):
    """What one policy says: the settings of a document, each of which may be left out."""

    allow: tuple[Repositories, ...] = ()
    deny: tuple[Repositories, ...] = ()
    default: YesNo | None = None
    canonical_host: Literal["require", "normalise"] | None = None
    tags: TagRules = TagRules()
    digest: DigestRules = DigestRules()
    on_unparsable: YesNo | None = None
    blank_image: YesNo | None = None
    controllers: Literal["enforce", "warn"] | None = None
    update_mode: Literal["changed-only", "all"] | None = None
    signature: SignatureRules | None = None
    attestations: tuple[Attestation, ...] = ()
    argo: ArgoRules = ArgoRules()
    mirror_pods: YesNo | None = None


@dataclass(frozen=True)
class Policy:
    """One policy as a value: its name, whom it is about, and what it says."""

    name: str
    scope: str
    settings: Settings
    tier: str = ""
    team: str = ""

    def about(self, team: str, tiers: frozenset[str]) -> bool:
        """True if it is about this team, whose namespaces are of these tiers."""
        return (
            self.scope == PLATFORM
            or (self.scope == TIER and self.tier in tiers)
            or (self.scope == TEAM and self.team == team)
        )


@dataclass(frozen=True)
class Place:
    """A tenant namespace, as far as images are concerned."""

    namespace: str
    team: str
    tier: str

    @property
    def control(self) -> str:
        """The control namespace beside it."""
        return names.control_namespace(self.namespace)


@dataclass(frozen=True)
class Said:
    """Everything people have decided about images, as of one moment."""

    policies: tuple[Policy, ...] = ()
    exemptions: Mapping[str, tuple[Exemption, ...]] = field(default_factory=dict)  # by team
    # Those of one namespace, by its cluster: the same name on another is another namespace. They
    # count only in what `on` says, so that who does not say which cluster exempts too little.
    exempted_on: Mapping[int, Mapping[str, tuple[Exemption, ...]]] = field(default_factory=dict)
    audited: frozenset[str] = frozenset()  # teams
    keys: Mapping[str, str] = field(default_factory=dict)  # name to id
    revoked: frozenset[str] = frozenset()  # ids
    argo_images: tuple[str, ...] = ()

    @cached_property
    def _by_whom(self) -> dict[tuple[str, str], list[Policy]]:
        found: dict[tuple[str, str], list[Policy]] = {}
        for policy in self.policies:
            found.setdefault((policy.scope, policy.tier or policy.team), []).append(policy)
        return found

    def about(self, team: str, tiers: frozenset[str]) -> tuple[Policy, ...]:
        """The policies about this team: of 500 teams each has a few of 500."""
        whom = [(PLATFORM, ""), *((TIER, tier) for tier in sorted(tiers)), (TEAM, team)]
        return tuple(policy for one in whom for policy in self._by_whom.get(one, ()))

    def with_policy(self, policy: Policy, *, instead_of: str = "") -> "Said":
        """The same, had this been said too (or in place of the one of that name)."""
        others = tuple(p for p in self.policies if p.name not in {policy.name, instead_of})
        return self.with_policies((*others, policy))

    def with_policies(self, policies: tuple[Policy, ...]) -> "Said":
        """The same people, keys and exemptions, with these policies."""
        return replace(self, policies=policies)

    def with_exemption(self, team: str, exemption: Exemption) -> "Said":
        """The same, were this approved as well, for all of the team."""
        theirs = (*self.exemptions.get(team, ()), exemption)
        return replace(self, exemptions={**self.exemptions, team: theirs})

    def on(self, cluster: int | None) -> "Said":
        """The same, with the exemptions that hold on this cluster."""
        here = dict(self.exemptions)
        for team, those in self.exempted_on.get(cluster or 0, {}).items():
            here[team] = (*here.get(team, ()), *those)
        return replace(self, exemptions=here, exempted_on={})

    def enforced(self) -> "Said":
        """The same, were no team in audit any more."""
        return replace(self, audited=frozenset())


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


def read(settings: Any) -> Settings:
    """Settings out of plain JSON values. Raises NotAPolicy, naming the field."""
    try:
        return msgspec.convert(settings, Settings)
    except msgspec.ValidationError as error:
        sentence = str(error).replace("`$.", "`").replace(" - at `$`", "")
        raise NotAPolicy(f"The settings cannot be read: {sentence}.") from None


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
            _check_argo(said, team_document(said, team, tiers=tiers, namespaces=("any",)), "any")
    _check_argo(said, control_document(said, ("any-argo",)), "any-argo")
    cluster_document(said)


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


def contradictions(said: Said, places: Sequence[Place]) -> dict[str, str]:
    """The teams about which contradictory things are said, and what."""
    found: dict[str, str] = {}
    for team, tiers in tiers_of_teams(places).items():
        try:
            team_document(said, team, tiers=tiers, namespaces=())
        except Conflict as conflict:
            found[team] = conflict.sentence
    return found


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


def _check_argo(said: Said, document: Document, namespace: str) -> None:
    """Refuse a document that would keep the platform's own images out."""
    enforced = msgspec.structs.replace(document, mode="enforce")
    for image in said.argo_images:
        question = question_of(image, namespace)
        verdict = decide(question, enforced, NO_FACTS)
        if not verdict.allowed:
            why = verdict.violations[0].reason
            raise Conflict(
                f"{_field_of(verdict.violations[0].code, document)}: this would deny {image}, which the "
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


def _field_of(code: str, document: Document) -> str:
    """Which setting a code of a violation comes from."""
    proof = "signature" if document.signature is not None else "attestations"
    return {
        "denied-repository": "deny",
        "forbidden-tag": "tags",
        "digest-required": "digest.required",
        "digest-algorithm": "digest.algorithms",
        "host-not-canonical": "canonical_host",
        "signature": proof,
        "unknown-digest": proof,
        "attestation": "attestations",
    }.get(code, "allow")


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
    unknown = [a for a in digest.algorithms if a not in ALGORITHMS]
    if unknown or not digest.algorithms:
        yield f"digest.algorithms: name one or more of {', '.join(ALGORITHMS)}."


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
    for number, attestation in enumerate(said.attestations):
        if not attestation.type.strip():
            yield f"attestations[{number}].type: an attestation is known by its predicate type."


def _repository_of(image: str) -> Repositories:
    try:
        found = parse(image)
    except NotAReference as error:
        raise Conflict(
            f"The platform's own image `{image}` is no valid reference: {error}."
        ) from None
    return Repositories(found.registry, found.repository)
