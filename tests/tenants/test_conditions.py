"""Facts add up to one word, and a transition is kept until the status moves."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tenants.conditions import Condition, Phase, Status, from_dicts, phase_of, stamped

NOW = datetime(2026, 11, 21, tzinfo=UTC)
T, F, U = Status.TRUE, Status.FALSE, Status.UNKNOWN


@pytest.mark.parametrize(
    ("facts", "ready", "phase"),
    [
        ((False, False, 1, 0), None, Phase.PENDING),
        ((False, False, 1, 0), T, Phase.PENDING),
        ((False, False, 2, 1), T, Phase.PROVISIONING),
        ((False, False, 2, 1), F, Phase.PROVISIONING),
        ((False, False, 1, 1), U, Phase.PROVISIONING),
        ((False, False, 1, 1), None, Phase.PROVISIONING),
        ((False, False, 1, 1), T, Phase.READY),
        ((False, False, 1, 1), F, Phase.DEGRADED),
        ((True, False, 1, 0), None, Phase.TERMINATING),
        ((True, False, 2, 2), T, Phase.TERMINATING),
        ((True, True, 2, 2), T, Phase.TERMINATED),
    ],
)
def test_the_phase_follows_the_table(
    facts: tuple[bool, bool, int, int], ready: Status | None, phase: Phase
) -> None:
    deletion, gone, generation, observed = facts

    found = phase_of(
        deletion_wanted=deletion, gone=gone, generation=generation, observed=observed, ready=ready
    )

    assert found is phase


def test_every_combination_of_facts_has_a_word_and_ready_is_that_of_one_alone() -> None:
    for deletion, gone, observed, ready in product(
        (False, True), (False, True), (0, 1, 2), (None, T, F, U)
    ):
        word = phase_of(
            deletion_wanted=deletion, gone=gone, generation=2, observed=observed, ready=ready
        )

        facts = (deletion, gone, observed, ready)
        assert isinstance(word, Phase), facts
        assert (word in {Phase.TERMINATED, Phase.TERMINATING}) is deletion, facts
        as_wished = not deletion and observed == 2 and ready is T
        assert (word is Phase.READY) is as_wished, facts


def test_a_transition_moves_only_with_the_status() -> None:
    first = stamped([Condition("Ready", U, "Creating")], {}, generation=1, now=NOW)
    later = NOW + timedelta(minutes=1)

    same = stamped([Condition("Ready", U, "Waiting")], from_dicts(first), generation=2, now=later)
    moved = stamped([Condition("Ready", T, "AllReady")], from_dicts(same), generation=2, now=later)

    assert same[0]["last_transition"] == NOW.isoformat()
    assert (same[0]["reason"], same[0]["observed_generation"]) == ("Waiting", 2)
    assert moved[0]["last_transition"] == later.isoformat()


def test_what_is_stored_is_read_back_the_same() -> None:
    stored = stamped([Condition("Ready", F, "NameTaken", "taken")], {}, generation=3, now=NOW)

    (back,) = from_dicts(stored).values()

    assert back.as_dict() == stored[0]
    assert back.status is Status.FALSE
