"""Is a cluster asked at all, and when is it asked again? A pure answer, from how the last askings went.

Closed: turns are taken, and it is asked each 15 s. Who refuses us is known to do so and opens it at once; who
is only silent, or unwell, is doubted once and asked again soon, for one lost packet must not stop a thousand
namespaces. Open: no turn is taken, rows wait with the reason, and one small question now and then (half
open) finds out whether it is back. The longer it is away the rarer, up to a minute.
"""

from dataclasses import dataclass
from datetime import timedelta

from controlplane.kube.errors import Forbidden, KubeError, Refused, Silent

ASKED_EVERY = timedelta(seconds=15)
DOUBTED_FOR = timedelta(seconds=5)
ASKED_LAST = timedelta(seconds=60)  # the longest between two half-open questions
OPENS_AFTER = 2  # failures in a row, where one alone proves nothing
MOST_DOUBLINGS = 4


@dataclass(frozen=True)
class Asked:
    """What one asking leads to: how many failed in a row, whether it is open, and when the next is due."""

    failures: int
    is_open: bool
    next_in: timedelta


def after(error: KubeError | None, *, failures: int, was_open: bool) -> Asked:
    """What follows from this answer, after so many failures in a row before it."""
    if error is None:
        return Asked(0, is_open=False, next_in=ASKED_EVERY)
    failures += 1
    if not was_open and is_doubtful(error) and failures < OPENS_AFTER:
        return Asked(failures, is_open=False, next_in=DOUBTED_FOR)
    doublings = min(max(failures - OPENS_AFTER, 0), MOST_DOUBLINGS)
    return Asked(failures, is_open=True, next_in=min(ASKED_EVERY * (1 << doublings), ASKED_LAST))


def is_doubtful(error: KubeError) -> bool:
    """Whether the next answer may well be another: it was silent, or said that it is unwell (5xx, 429)."""
    return isinstance(error, Silent) or (
        isinstance(error, Refused) and not isinstance(error, Forbidden)
    )
