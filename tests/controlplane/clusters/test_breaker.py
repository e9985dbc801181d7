"""When turns stop being taken for a cluster, and when it is asked whether it is back."""

from datetime import timedelta

import pytest

from controlplane.clusters import breaker
from controlplane.kube.errors import Another, KubeError, Sealed, Silent, Unreachable, refused

SILENT, UNWELL = Silent("timed out"), refused(503, {"message": "starting"})
SURE = [
    Unreachable("connection refused"),
    Sealed("no key"),
    Another("is another"),
    refused(401, {}),
    refused(403, {}),
]


@pytest.mark.parametrize("error", SURE)
def test_who_refuses_us_opens_it_at_once(error: KubeError) -> None:
    assert breaker.after(error, failures=0, was_open=False).is_open


@pytest.mark.parametrize("error", [SILENT, UNWELL])
def test_who_is_silent_or_unwell_is_asked_again_soon_and_given_up_then(error: KubeError) -> None:
    first = breaker.after(error, failures=0, was_open=False)
    second = breaker.after(error, failures=first.failures, was_open=first.is_open)

    assert (first.is_open, first.next_in) == (False, timedelta(seconds=5))
    assert second.is_open


def test_an_answer_closes_it() -> None:
    closed = breaker.after(None, failures=9, was_open=True)

    assert (closed.failures, closed.is_open, closed.next_in) == (0, False, timedelta(seconds=15))


def test_the_longer_it_is_away_the_rarer_it_is_asked_up_to_a_minute() -> None:
    waits, failures, is_open = [], 0, False
    for _ in range(8):
        asked = breaker.after(SILENT, failures=failures, was_open=is_open)
        failures, is_open = asked.failures, asked.is_open
        waits.append(asked.next_in.total_seconds())

    assert waits == [5, 15, 30, 60, 60, 60, 60, 60]


def test_what_is_open_stays_open_through_another_kind_of_failure() -> None:
    assert breaker.after(SILENT, failures=0, was_open=True).is_open
