"""How far one is let in while the provider is silent goes by the age of its last yes."""

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.identity.trust import Limits, Trust, sentence_for, trust_in

LAST_YES = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LIMITS = Limits(grace=timedelta(minutes=10), out=timedelta(minutes=60))


@pytest.mark.parametrize(
    ("minutes", "trust"),
    [
        (0, Trust.FULL),
        (10, Trust.FULL),
        (10.1, Trust.READ_ONLY),
        (60, Trust.READ_ONLY),
        (60.1, Trust.OUT),
        (-5, Trust.FULL),  # our own clock was set back
    ],
)
def test_it_is_full_then_for_looking_then_over(minutes: float, trust: Trust) -> None:
    assert trust_in(LAST_YES, LAST_YES + timedelta(minutes=minutes), LIMITS) is trust


def test_without_a_time_for_looking_it_is_over_at_once() -> None:
    strict = Limits(grace=timedelta(minutes=10), out=timedelta(minutes=10))

    assert trust_in(LAST_YES, LAST_YES + timedelta(minutes=11), strict) is Trust.OUT


def test_who_may_only_look_is_told_since_when_and_until_when() -> None:
    said = sentence_for(Trust.READ_ONLY, LAST_YES, LIMITS)

    assert ("since 10:00 UTC" in said, "At 11:00 UTC" in said) == (True, True)
    assert sentence_for(Trust.FULL, LAST_YES, LIMITS) == ""
