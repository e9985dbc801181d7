"""Does an engine say what a case expects? Pure: an answer held against a case."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from controlplane.policies.cases import Case
from controlplane.policies.verdict import Asks

from . import Answer


class Outcome(StrEnum):
    """How a case went."""

    SAME = "same"
    ASKED = "asked"
    ASIDE = "aside"  # the API server itself refused or changed the object before
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Line:
    """One case and how it went; `said` tells the difference, or why it was not decided."""

    id: str
    outcome: Outcome
    said: str = ""
    asks: tuple[Asks, ...] = ()


def compare(case: Case, answer: Answer) -> Line:
    """An engine that asks has not decided; one that decides must say what is expected."""
    if answer.asks:
        return Line(
            case.id, Outcome.ASKED, ", ".join(sorted(answer.asks)), tuple(sorted(answer.asks))
        )
    if answer.aside:
        return Line(case.id, Outcome.ASIDE, answer.aside)
    said = "; ".join(_differences(case, answer))
    return Line(case.id, Outcome.DIFFERS if said else Outcome.SAME, said)


def _differences(case: Case, answer: Answer) -> Iterable[str]:
    got = "allow" if answer.allowed else "deny"
    if got != case.expect:
        why = f" ({' | '.join(answer.reasons)})" if answer.reasons else ""
        yield f"expected {case.expect}, got {got}{why}"
    if (
        None not in {answer.reported, case.expect_reported}
        and answer.reported != case.expect_reported
    ):
        wanted = "a report" if case.expect_reported else "no report"
        yield f"expected {wanted}{': ' + ' | '.join(answer.reasons) if answer.reasons else ''}"
