"""A wish as a value: all that provisioning needs to know, read once, unchanged during a turn."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from .levels import Level
from .names import control_namespace


@dataclass(frozen=True)
class TierSpec:
    """What a tier gives: quantities as Kubernetes writes them."""

    slug: str
    quota: Mapping[str, str]
    limits: Mapping[str, Any]
    controller_resources: Mapping[str, Any]
    parallelism: int | None
    workflow_deadline_seconds: int


@dataclass(frozen=True)
class ClusterSpec:
    """What a cluster asks of the objects placed on it."""

    name: str
    api_endpoints: tuple[Mapping[str, Any], ...]
    placement: Mapping[str, Any] = field(default_factory=dict)
    # What its API server puts before a group of the sign-in provider; None: it does not believe that one.
    group_prefix: str | None = None


@dataclass(frozen=True)
class NamespaceSpec:
    """One tenant namespace as wanted at `generation`."""

    name: str
    team: str
    generation: int
    tier: TierSpec
    cluster: ClusterSpec
    deleted: bool = False  # the wish is that it be gone
    # Of Argo's configuration, what names the secrets that are there: `artifactRepository`, `persistence`, …
    wiring: Mapping[str, Any] = field(default_factory=dict)
    approved_plan: str = ""  # the hash a person approved; empty while nobody has, or again must
    groups: Mapping[Level, str] = field(default_factory=dict)  # of the team's, one a level
    # By level, the subjects of those who lost it a moment ago: no part of what anybody approves.
    shut_out: Mapping[Level, Collection[str]] = field(default_factory=dict)

    @property
    def control(self) -> str:
        """The control namespace's name."""
        return control_namespace(self.name)
