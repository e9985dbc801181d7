"""When a CronWorkflow runs: in words, next, and not at all."""

from datetime import UTC, datetime
from typing import Any

import pytest

from controlplane.argo.crons import Cron, read

NOW = datetime(2026, 6, 10, 12, 0, 30, tzinfo=UTC)


def cron(*schedules: str, last: str = "2026-06-10T11:00:00Z", **spec: Any) -> Cron:
    return read(
        {
            "metadata": {"name": "nightly", "creationTimestamp": "2026-06-01T00:00:00Z"},
            "spec": {"schedules": list(schedules), **spec},
            "status": {"lastScheduledTime": last} if last else {},
        },
        NOW,
    )


@pytest.mark.parametrize(
    ("written", "words", "comes"),
    [
        ("0 6 * * *", "At 06:00 every day", "2026-06-11T06:00:00+00:00"),
        ("@daily", "At 00:00 every day", "2026-06-11T00:00:00+00:00"),
        ("30 2 ? * MON", "At 02:30 on Monday", "2026-06-15T02:30:00+00:00"),
        ("CRON_TZ=Asia/Tokyo 0 6 * * *", "At 06:00 every day", "2026-06-11T06:00:00+09:00"),
    ],
)
def test_a_schedule_is_said_in_words_and_its_next_run_is_known(
    written: str, words: str, comes: str
) -> None:
    found = cron(written)

    assert found.schedules[0].words == words
    assert found.next is not None
    assert found.next.isoformat() == comes


def test_the_zone_decides_when_it_is_six() -> None:
    found = cron("0 6 * * *", timezone="America/New_York")

    assert found.next is not None
    assert found.next.astimezone(UTC).hour == 10


def test_of_several_schedules_the_first_to_come_counts() -> None:
    found = cron("0 6 * * *", "0 18 * * *")

    assert found.next is not None
    assert found.next.hour == 18


def test_the_single_schedule_of_older_argo_is_read_too() -> None:
    assert cron(schedule="0 6 * * *").schedules[0].written == "0 6 * * *"


@pytest.mark.parametrize(
    "written", ["", "never", "61 * * * *", "* * * * * *", "0 0 L * *", "0 0 * * 5#2", "@sometimes"]
)
def test_what_is_no_schedule_says_so_and_has_no_next_run(written: str) -> None:
    found = cron(written, "0 6 * * *") if written else cron()

    assert (found.next is None) == (not written)
    assert all(bool(s.problem) == (s.written == written) for s in found.schedules)


def test_a_zone_that_there_is_not_is_no_schedule() -> None:
    found = cron("0 6 * * *", timezone="Mars/Olympus")

    assert found.broken
    assert found.next is None


def test_every_so_often_counts_from_a_start_that_nobody_wrote_down() -> None:
    found = cron("@every 1h30m")

    assert found.schedules[0].words.startswith("Every 1h30m")
    assert found.next is None


@pytest.mark.parametrize(
    ("last", "missed"),
    [
        ("2026-06-10T11:00:00Z", "0"),  # 12:00 is less than a minute ago
        ("2026-06-10T08:00:00Z", "3"),
        ("", "100 or more"),  # since it was made
    ],
)
def test_runs_that_did_not_come_are_counted(last: str, missed: str) -> None:
    assert cron("0 * * * *", last=last).missed_words == missed


def test_while_it_is_suspended_nothing_comes_and_nothing_is_missed() -> None:
    found = cron("0 * * * *", last="2026-06-01T00:00:00Z", suspend=True)

    assert (found.next, found.missed, found.suspended) == (None, 0, True)


@pytest.mark.parametrize("spec", [None, "x", {"schedules": "x"}, {"schedules": [5, None]}])
def test_a_cron_that_says_nonsense_is_one_without_a_schedule(spec: Any) -> None:
    found = read({"metadata": {"name": "x"}, "spec": spec, "status": []}, NOW)

    assert (found.schedules, found.next) == ((), None)


def test_how_many_schedules_never_come_is_counted() -> None:
    found = cron("0 3 * * *", "at noon")

    assert (found.problems, found.broken) == (1, False)
