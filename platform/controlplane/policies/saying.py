"""What can be said about images, and about whom? A policy's parts, and all that was decided.

What is left out of a policy is no opinion: others may have one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import msgspec

from controlplane.errors import DomainError
from tenants import names

from .document import Attestation, Exemption, NotAPolicy, Part, Repositories

CONTROL, CLUSTER = "control", "cluster"  # names of documents; no team is called so
PLATFORM, TIER, TEAM = "platform", "tier", "team"
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


def read(settings: Any) -> Settings:
    """Settings out of plain JSON values. Raises NotAPolicy, naming the field."""
    try:
        return msgspec.convert(settings, Settings)
    except msgspec.ValidationError as error:
        sentence = str(error).replace("`$.", "`").replace(" - at `$`", "")
        raise NotAPolicy(f"The settings cannot be read: {sentence}.") from None
