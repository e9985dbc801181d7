"""When a row is looked at again: a pure answer, so that nothing retries by itself."""

from datetime import datetime, timedelta

from tenants.conditions import Condition, Status

COMING_UP_FIRST, COMING_UP_LAST = timedelta(seconds=0.3), timedelta(seconds=10)
FAILED_FIRST, FAILED_LAST = timedelta(seconds=10), timedelta(minutes=10)
RESYNC = timedelta(minutes=5)
THOROUGH_EVERY = timedelta(minutes=30)
MOST_DOUBLINGS = 10


def next_turn(
    *, failures: int, ready: Condition, unknown_since: datetime | None, now: datetime
) -> timedelta:
    """How long until the next turn.

    While things come up, as long again as it has taken so far (which doubles), 0.3 s to 10 s. After
    `failures` turns that failed in a row, 10 s doubling to 10 min. Else the resync.
    """
    if failures:
        doublings = min(failures - 1, MOST_DOUBLINGS)
        return min(FAILED_FIRST * (1 << doublings), FAILED_LAST)
    if ready.status is Status.UNKNOWN:
        so_far = now - unknown_since if unknown_since else timedelta()
        return min(max(so_far, COMING_UP_FIRST), COMING_UP_LAST)
    return RESYNC


def is_thorough_due(last: datetime | None, now: datetime) -> bool:
    """True if the quick look is not enough this time."""
    return last is None or last <= now - THOROUGH_EVERY
