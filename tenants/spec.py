"""A wish as a value: all that provisioning needs to know, read once, unchanged during a turn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    groups: Mapping[str, str] = field(default_factory=dict)  # a level: the group that has it
    approved_plan: str = ""  # the hash a person approved; empty while nobody has, or again must

    @property
    def control(self) -> str:
        """The control namespace's name."""
        return control_namespace(self.name)
