"""Runs that did not come: each counted once, on its day, and only where somebody looked."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.argo import crons
from controlplane.index.models import Cron, Watch
from controlplane.metrics import missed
from controlplane.metrics.models import MissedRuns
from tenants.models import TenantNamespace
from tests.controlplane.metrics.usage.conftest import NOW

pytestmark = pytest.mark.django_db


def cron(last: datetime, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "nightly", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"schedules": ["0 * * * *"], **spec},
        "status": {"lastScheduledTime": last.isoformat()},
    }


def scheduled(namespace: TenantNamespace, last: datetime, **spec: Any) -> None:
    Cron.objects.update_or_create(
        namespace=namespace, uid="uid", defaults={"name": "nightly", "manifest": cron(last, **spec)}
    )


def runs() -> list[tuple[int, int]]:
    return [(row.at.day, row.runs) for row in MissedRuns.objects.order_by("at")]


def test_what_did_not_come_is_counted_on_its_day(payments: TenantNamespace) -> None:
    scheduled(payments, NOW - timedelta(hours=14))  # 22:30 of the day before

    missed.remember(NOW)

    assert runs() == [(9, 1), (10, 13)]


def test_looking_again_counts_no_run_twice(payments: TenantNamespace) -> None:
    scheduled(payments, NOW - timedelta(hours=2))
    missed.remember(NOW)
    missed.remember(NOW)

    assert runs() == [(10, 2)]


def test_runs_that_were_missed_before_one_came_stay_counted(payments: TenantNamespace) -> None:
    scheduled(payments, NOW - timedelta(hours=2))
    missed.remember(NOW)
    scheduled(payments, NOW + timedelta(hours=1))
    Watch.objects.update(heard_at=NOW + timedelta(hours=3))
    missed.remember(NOW + timedelta(hours=3))

    assert runs() == [(10, 4)]


def test_a_suspended_schedule_misses_nothing(payments: TenantNamespace) -> None:
    scheduled(payments, NOW - timedelta(days=2), suspend=True)

    missed.remember(NOW)

    assert runs() == []


@pytest.mark.parametrize("facts", [{"in_step": False}, {"heard_at": NOW - timedelta(hours=1)}])
def test_of_a_cluster_that_nobody_follows_nothing_is_said(
    payments: TenantNamespace, facts: dict[str, Any]
) -> None:
    scheduled(payments, NOW - timedelta(days=2))
    Watch.objects.update(**facts)

    missed.remember(NOW)

    assert runs() == []


@pytest.mark.parametrize("manifest", [[], {}, {"spec": {"schedules": "x"}}])
def test_a_schedule_that_is_none_stops_no_other(payments: TenantNamespace, manifest: Any) -> None:
    Cron.objects.create(namespace=payments, uid="odd", name="odd", manifest=manifest)
    scheduled(payments, NOW - timedelta(hours=2))

    missed.remember(NOW)

    assert runs() == [(10, 2)]


def test_a_schedule_that_never_ran_is_bounded() -> None:
    every_minute = cron(NOW - timedelta(days=300), schedules=["* * * * *"])

    assert len(crons.missed(every_minute, NOW)) == crons.MOST_MISSED
