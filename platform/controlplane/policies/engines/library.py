"""The library: the decision itself, in this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from controlplane.policies.cases import Case
from controlplane.policies.decide import decide
from controlplane.policies.sentences import violation_line

from . import Answer, Engine


class Library:
    """Decides every case; asks nobody."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def judge(self, case: Case) -> Answer:
        verdict = decide(case.question(self._now), case.policy, case.known_facts())
        return Answer(
            allowed=verdict.allowed,
            reported=bool(verdict.reported),
            reasons=tuple(violation_line(v) for v in verdict.violations or verdict.reported),
        )


@contextmanager
def opened(cases: Sequence[Case]) -> Iterator[Engine]:  # noqa: ARG001 - every engine's signature
    """Nothing to start."""
    yield Library(datetime.now(UTC))
