"""While turns hang on clusters that fell silent, turns of those that answer are taken."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.clusters.models import Cluster
from provisioning import tasks
from provisioning.reconcile import Ended
from provisioning.slots import Slots
from tenants.models import TenantNamespace
from tests.factories import NamespaceFactory

pytestmark = pytest.mark.django_db

ANSWERED, SILENT = Ended(timedelta(minutes=5)), Ended(timedelta(seconds=10), silent=True)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows for whose turn a message is sent, in order."""
    found: list[int] = []
    monkeypatch.setattr(tasks.reconcile_namespace, "delay", found.append)
    return found


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch, queued: list[int]) -> dict[int, Callable[[], Ended]]:
    """A worker of four threads; what happens in the turn of each row, which answers where nothing is said."""
    told: dict[int, Callable[[], Ended]] = {}
    monkeypatch.setattr(tasks, "slots", Slots(4))
    monkeypatch.setattr(tasks, "taken", lambda pk: told.get(pk, lambda: ANSWERED)())
    return told


def due() -> TenantNamespace:
    """On a cluster of its own."""
    row: TenantNamespace = NamespaceFactory(next_reconcile_at=timezone.now())
    return row


def test_many_that_hang_hold_half_of_the_worker_and_one_that_answers_goes_on(
    turns: dict[int, Callable[[], Ended]], queued: list[int]
) -> None:
    well, *silent = (due() for _ in range(6))
    tasks.reconcile_namespace(well.pk)
    begun: list[int] = []

    def hanging(pk: int, then: Callable[[], None]) -> Callable[[], Ended]:
        def turn() -> Ended:
            begun.append(pk)
            then()
            return SILENT

        return turn

    def while_two_hang() -> None:
        for row in silent[2:]:
            tasks.reconcile_namespace(row.pk)
        assert begun == [silent[0].pk, silent[1].pk]
        turns[well.pk] = lambda: begun.append(well.pk) or ANSWERED  # type: ignore[func-returns-value]
        tasks.reconcile_namespace(well.pk)

    turns[silent[0].pk] = hanging(silent[0].pk, lambda: tasks.reconcile_namespace(silent[1].pk))
    turns[silent[1].pk] = hanging(silent[1].pk, while_two_hang)
    tasks.reconcile_namespace(silent[0].pk)

    assert begun == [silent[0].pk, silent[1].pk, well.pk]
    # As each of the two was given up, the next one in line was sent for.
    assert queued == [silent[2].pk, silent[3].pk, silent[4].pk]


def test_a_row_in_line_whose_cluster_was_given_up_meanwhile_lets_the_next_one_pass(
    turns: dict[int, Callable[[], Ended]], queued: list[int]
) -> None:
    well, first, second, third, fourth = (due() for _ in range(5))
    tasks.reconcile_namespace(well.pk)

    def both_hang() -> Ended:
        for row in (third, fourth):
            tasks.reconcile_namespace(row.pk)
        return SILENT

    def and_another() -> Ended:
        turns[second.pk] = both_hang
        tasks.reconcile_namespace(second.pk)
        Cluster.objects.filter(pk=third.cluster_id).update(reachable=False)
        return ANSWERED

    turns[first.pk] = and_another
    tasks.reconcile_namespace(first.pk)
    assert queued[0] == third.pk

    tasks.reconcile_namespace(third.pk)

    assert fourth.pk in queued
