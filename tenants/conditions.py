"""Facts about a tenant namespace, and the one word they add up to."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

READY = "Ready"


class Status(StrEnum):
    """Kubernetes' three: Unknown is under way, False cannot be reached without a change."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Condition:
    """One observed fact. `reason` is its CamelCase cause, `message` the sentence for people."""

    type: str
    status: Status
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"status": str(self.status)}


class Phase(StrEnum):
    """The summary people read. Derived from facts, never decided."""

    PENDING = "Pending"
    PROVISIONING = "Provisioning"
    READY = "Ready"
    DEGRADED = "Degraded"
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"


# What is on its way from one phase to another by itself.
MOVING = (Phase.PROVISIONING, Phase.PENDING, Phase.TERMINATING)


def phase_of(
    *, deletion_wanted: bool, gone: bool, generation: int, observed: int, ready: Status | None
) -> Phase:
    """Total: every combination of facts has a word. A wish to delete goes before all else."""
    if deletion_wanted:
        return Phase.TERMINATED if gone else Phase.TERMINATING
    if observed == 0:
        return Phase.PENDING
    if observed < generation or ready in {None, Status.UNKNOWN}:
        return Phase.PROVISIONING
    return Phase.READY if ready is Status.TRUE else Phase.DEGRADED


def from_dicts(stored: Iterable[dict[str, Any]]) -> dict[str, Condition]:
    """Stored conditions, by type."""
    return {c["type"]: Condition(**{**c, "status": Status(c["status"])}) for c in stored}


def stamped(
    new: Iterable[Condition], old: dict[str, Condition], *, generation: int, now: datetime
) -> list[dict[str, Any]]:
    """New conditions as stored: `last_transition` moves only when the status does."""
    return [
        replace(
            condition,
            observed_generation=generation,
            last_transition=old[condition.type].last_transition
            if condition.type in old and old[condition.type].status == condition.status
            else now.isoformat(),
        ).as_dict()
        for condition in new
    ]
