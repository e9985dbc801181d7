"""When a row is looked at again."""

from datetime import UTC, datetime, timedelta

import pytest

from provisioning.schedule import is_thorough_due, next_turn
from tenants.conditions import Condition, Status

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ready(status: Status) -> Condition:
    return Condition("Ready", status, "Because")


@pytest.mark.parametrize(
    ("so_far", "seconds"), [(0, 0.3), (0.3, 0.3), (0.6, 0.6), (4, 4), (10, 10), (3600, 10)]
)
def test_coming_up_is_watched_as_long_again_as_it_has_taken(so_far: float, seconds: float) -> None:
    since = NOW - timedelta(seconds=so_far)

    wait = next_turn(failures=0, ready=ready(Status.UNKNOWN), unknown_since=since, now=NOW)

    assert wait.total_seconds() == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (7, 600), (8, 600), (5000, 600)]
)
def test_failures_are_tried_again_ever_later(failures: int, seconds: float) -> None:
    wait = next_turn(failures=failures, ready=ready(Status.FALSE), unknown_since=None, now=NOW)

    assert wait.total_seconds() == seconds


@pytest.mark.parametrize("status", [Status.TRUE, Status.FALSE])
def test_what_is_settled_is_looked_at_every_five_minutes(status: Status) -> None:
    wait = next_turn(failures=0, ready=ready(status), unknown_since=None, now=NOW)

    assert wait == timedelta(minutes=5)


@pytest.mark.parametrize(("age", "due"), [(None, True), (29, False), (30, True)])
def test_the_thorough_look_is_due_at_first_and_every_half_hour(age: int | None, due: bool) -> None:
    last = None if age is None else NOW - timedelta(minutes=age)

    assert is_thorough_due(last, NOW) is due
