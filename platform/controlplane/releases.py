"""Helm's words as values: a chart on disk, a release as wanted, a release as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEPLOYED = "deployed"


@dataclass(frozen=True)
class Chart:
    """A chart of ours on disk; `digest` covers every file of it."""

    name: str
    path: Path
    version: str
    digest: str


@dataclass(frozen=True)
class Release:
    """A release as wanted: chart, values, and the fingerprint that covers both."""

    name: str
    namespace: str
    chart: Chart
    values: Mapping[str, Any]
    fingerprint: str

    def __str__(self) -> str:
        return f"release {self.name} in {self.namespace}"


@dataclass(frozen=True)
class LiveRelease:
    """The newest revision of a release, and the last one that was deployed (0: none yet)."""

    name: str
    namespace: str
    revision: int
    status: str
    fingerprint: str
    message: str = ""
    deployed_revision: int = 0
    record: str = ""  # the Secret's name, for mending a half-made revision

    @property
    def pending(self) -> bool:
        """True if a helm run was cut off in the middle (or, without our claim, is under way)."""
        return self.status.startswith("pending-") or self.status == "uninstalling"
