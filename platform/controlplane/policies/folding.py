"""What does one more sighting change about a violation that is known? Values in, a value out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from controlplane.objects import fingerprint

# What the platform keeps of each field. Whoever compares, or sends, cuts here first: two that
# differ only behind it are one row, and its link must be the same wherever it is made.
LONGEST = {
    "namespace": 63,
    "kind": 63,
    "name": 253,
    "path": 300,
    "container": 253,
    "image": 512,
    "code": 40,
    "reason": 1000,
}


def clipped(fields: Mapping[str, str]) -> dict[str, str]:
    """The same, as far as it is kept."""
    return {key: text.replace("\0", "")[: LONGEST[key]] for key, text in fields.items()}


def same_of(
    *, namespace: str, kind: str, name: str, path: str, container: str, image: str, code: str
) -> str:
    """Equal for the same image that breaks the same rule in the same place, whoever saw it."""
    said = {
        "namespace": namespace,
        "kind": kind,
        "name": name,
        "path": path,
        "container": container,
        "image": image,
        "code": code,
    }
    return fingerprint(list(clipped(said).values()))


@dataclass(frozen=True)
class Sighting:
    """One image that broke one rule, as an agent saw it once (or `count` times in a row)."""

    namespace: str
    kind: str
    name: str
    path: str
    container: str
    image: str
    code: str
    reason: str
    state: str
    source: str
    at: datetime
    count: int = 1

    @property
    def same(self) -> str:
        """Equal for the same image that breaks the same rule in the same place, whoever saw it."""
        return same_of(
            namespace=self.namespace,
            kind=self.kind,
            name=self.name,
            path=self.path,
            container=self.container,
            image=self.image,
            code=self.code,
        )


@dataclass(frozen=True)
class Known:
    """What changes about a violation."""

    state: str
    source: str
    reason: str
    count: int
    first_seen: datetime
    last_seen: datetime


def begun(seen: Sighting) -> Known:
    """The first sighting of it."""
    return Known(seen.state, seen.source, seen.reason, seen.count, seen.at, seen.at)


def folded(known: Known, seen: Sighting) -> Known:
    """The same after this sighting.

    Agents post again what was not acknowledged: a sighting that is no later than the last one is
    that one, and is not counted.
    """
    if seen.at <= known.last_seen:
        return replace(known, first_seen=min(known.first_seen, seen.at))
    return replace(
        begun(seen),
        count=known.count + seen.count,
        first_seen=known.first_seen,
    )
