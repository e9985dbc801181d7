"""The lines that turns leave for people: the newest one is never an old error while all is well."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from provisioning import status
from provisioning.models import Turn
from provisioning.record import TurnRecord, record
from provisioning.status import Report
from tenants.conditions import Condition, Status
from tenants.models import TenantNamespace
from tests.factories import NamespaceFactory

pytestmark = pytest.mark.django_db

READY = Report((Condition("Ready", Status.TRUE, "AllReady", "Guard rails hold"),))
STARTING = Report(
    (Condition("Ready", Status.UNKNOWN, "ControllerStarting", "Waiting for its pod"),)
)
FAILED = status.broken("quota refused")
SAID = "Put back NetworkPolicy default-deny (it was gone)"


def a_turn(pk: int, report: Report, *, steps: bool = False, repairs: str = "") -> TenantNamespace:
    """One turn as the loop takes it, with or without something to do."""
    now = timezone.now()
    namespace = TenantNamespace.objects.claim(pk, now=now, until=now + timedelta(minutes=1))
    assert namespace is not None
    turn = TurnRecord(namespace)
    if steps:
        turn.begin((), repairs=repairs)
    record(namespace, namespace.spec(), report, turn, thorough=False, seconds=0.1)
    return namespace


def lines(namespace: Any) -> list[tuple[str, str]]:
    return list(Turn.objects.filter(namespace=namespace).values_list("outcome", "message"))


@pytest.fixture
def pk() -> int:
    return int(NamespaceFactory().pk)


def test_a_repair_says_what_it_put_back(pk: int) -> None:
    a_turn(pk, READY, steps=True, repairs=SAID)

    assert lines(pk) == [("AllReady", SAID)]


def test_a_repair_that_failed_says_why_and_not_that_it_was_done(pk: int) -> None:
    a_turn(pk, FAILED, steps=True, repairs=SAID)

    assert lines(pk) == [("PlatformError", "quota refused")]


def test_after_failures_it_says_when_all_is_well_again(pk: int) -> None:
    a_turn(pk, FAILED, steps=True)
    a_turn(pk, FAILED)
    a_turn(pk, FAILED, steps=True)
    a_turn(pk, READY)

    assert lines(pk)[0] == ("AllReady", "Ready again after 3 failed turns: guard rails hold")
    a_turn(pk, READY)
    assert len(lines(pk)) == 3


def test_a_repair_that_ends_failures_says_both(pk: int) -> None:
    a_turn(pk, FAILED, steps=True)
    a_turn(pk, READY, steps=True, repairs=SAID)

    assert lines(pk)[0] == (
        "AllReady",
        f"{SAID}. Ready again after 1 failed turn: guard rails hold",
    )


def test_what_a_turn_waited_for_and_a_later_one_found_is_told_on_its_own_line(pk: int) -> None:
    a_turn(pk, STARTING, steps=True)
    assert lines(pk) == [("ControllerStarting", "Waiting for its pod")]

    a_turn(pk, READY)

    assert lines(pk) == [("AllReady", "Guard rails hold")]


def test_a_repair_that_had_to_wait_still_says_what_it_was(pk: int) -> None:
    a_turn(pk, STARTING, steps=True, repairs=SAID)
    a_turn(pk, READY)

    assert lines(pk) == [("AllReady", SAID)]


def test_a_turn_that_finds_all_well_as_it_was_leaves_no_line(pk: int) -> None:
    a_turn(pk, READY, steps=True)
    a_turn(pk, READY)

    assert len(lines(pk)) == 1


def test_the_log_says_why_a_turn_failed_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    namespace = NamespaceFactory(name="payments")

    a_turn(namespace.pk, status.broken("quota refused\nby x"))

    (line,) = [r for r in caplog.records if r.name == "provisioning.turn"]
    assert line.levelname == "WARNING"
    assert "payments" in line.getMessage()
    assert line.getMessage().endswith("failed: quota refused by x")


def test_the_log_says_what_was_put_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    a_turn(NamespaceFactory().pk, READY, steps=True, repairs=SAID)

    (line,) = [r for r in caplog.records if r.name == "provisioning.turn"]
    assert (line.levelname, line.getMessage().endswith(SAID)) == ("INFO", True)


def test_an_outage_has_one_line_in_the_turns_however_long_it_lasts() -> None:
    namespace = NamespaceFactory()
    for _ in range(3):
        a_turn(namespace.pk, status.unreachable("refused"))

    assert [outcome for outcome, _ in lines(namespace)] == ["ClusterUnreachable"]
