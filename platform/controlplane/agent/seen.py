"""What an agent tells the platform: values, in the shape that the platform's API takes."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from controlplane.policies.verdict import Violation

from .denials import Said

State = Literal["refused", "admitted", "running"]
Source = Literal["webhook", "event", "argo", "audit-log", "scanner"]

LONGEST_REASON = 1000
LONGEST_IMAGE = 512


class Sighting(msgspec.Struct, frozen=True):
    """One image in one place that broke one rule, as it was seen once."""

    namespace: str
    kind: str
    name: str
    path: str
    container: str
    image: str
    code: str
    reason: str
    state: State
    source: Source
    at: datetime
    count: int = 1

    @property
    def place(self) -> tuple[str, ...]:
        """Equal for the same image that breaks the same rule in the same place."""
        return (
            self.namespace,
            self.kind,
            self.name,
            self.path,
            self.container,
            self.image,
            self.code,
        )


class Scanned(msgspec.Struct, frozen=True):
    """All that runs in a namespace was looked at then."""

    namespace: str
    at: datetime
    images: int


class Admitted(msgspec.Struct, frozen=True):
    """An image that runs, so it was let in."""

    namespace: str
    image: str
    at: datetime


class Post(msgspec.Struct, frozen=True):
    """What is told in one go. What the webhook's spool says is passed on as it is."""

    sightings: tuple[Sighting | dict[str, Any], ...] = ()
    scanned: tuple[Scanned, ...] = ()
    admitted: tuple[Admitted, ...] = ()


def violation_seen(
    violation: Violation | Said,
    *,
    namespace: str,
    kind: str,
    name: str,
    state: State,
    source: Source,
    at: datetime,
    count: int = 1,
) -> Sighting:
    """A violation, as our own engine found it or as a denial names it."""
    return Sighting(
        namespace=namespace,
        kind=kind,
        name=name,
        path=violation.path,
        container=violation.container,
        image=violation.image[:LONGEST_IMAGE],
        code=str(violation.code),
        reason=violation.reason[:LONGEST_REASON],
        state=state,
        source=source,
        at=at,
        count=count,
    )


def moment(*texts: object) -> datetime | None:
    """The first of these that is a time, as Kubernetes writes it."""
    for text in texts:
        if isinstance(text, str) and text:
            try:
                said = datetime.fromisoformat(text)
            except ValueError:
                continue
            return said if said.tzinfo else said.replace(tzinfo=UTC)
    return None


def mapping(value: object) -> Mapping[str, Any]:
    """A team writes its objects: what is no mapping holds nothing."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> Iterable[Mapping[str, Any]]:
    """The mappings in what ought to be a list of them."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
