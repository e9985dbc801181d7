"""Quotas hour by hour: what was seen is kept, what nobody looked at has no number."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.index.models import QuotaUse, Watch
from controlplane.metrics import quota_history, ranges, reading
from controlplane.metrics.models import FleetHour, QuotaDay, QuotaHour
from controlplane.metrics.ranges import Window
from tenants.models import TenantNamespace
from tests.controlplane.metrics.usage.conftest import NOW, watched
from tests.factories import NamespaceFactory

pytestmark = pytest.mark.django_db


def says(namespace: TenantNamespace, used: str = "1500m", hard: str = "8") -> None:
    """The quota object of a namespace, as the watch keeps it."""
    QuotaUse.objects.update_or_create(
        namespace=namespace,
        defaults={
            "hard": {"requests.cpu": hard, "requests.memory": "32Gi"},
            "used": {"requests.cpu": used, "requests.memory": "2Gi"},
            "seen_at": NOW,
        },
    )


def test_a_look_is_a_row_an_hour_and_a_row_a_day(payments: TenantNamespace) -> None:
    says(payments)
    quota_history.remember(NOW)

    for row in (QuotaHour.objects.get(), QuotaDay.objects.get()):
        assert (row.cpu_used, row.cpu_hard, row.memory_used) == (1500, 8000, 2048)
    assert QuotaHour.objects.get().at == datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_many_looks_are_one_row_with_the_last_and_the_most(payments: TenantNamespace) -> None:
    for minutes, used in enumerate(("1", "4", "2")):
        says(payments, used=used)
        quota_history.remember(NOW + timedelta(minutes=minutes))

    row = QuotaHour.objects.get()
    assert (row.cpu_used, row.cpu_peak) == (2000, 4000)


def test_what_is_promised_is_the_tiers_and_known_before_any_quota(
    payments: TenantNamespace,
) -> None:
    quota_history.remember(NOW)

    row = QuotaHour.objects.get()
    assert row.cpu_promised == int(payments.tier.quota["requests.cpu"]) * 1000
    assert (row.cpu_hard, row.cpu_used, row.cpu_peak) == (None, None, None)


@pytest.mark.parametrize(
    "facts", [{"in_step": False}, {"heard_at": NOW - timedelta(hours=1)}, {"heard_at": None}]
)
def test_a_cluster_that_is_not_followed_has_no_numbers(
    payments: TenantNamespace, facts: dict[str, Any]
) -> None:
    says(payments)
    Watch.objects.update(**facts)

    quota_history.remember(NOW)

    assert QuotaHour.objects.get().cpu_used is None


def test_what_was_seen_before_it_was_lost_stays_in_its_hour_alone(
    payments: TenantNamespace,
) -> None:
    says(payments)
    quota_history.remember(NOW)
    Watch.objects.update(in_step=False)
    quota_history.remember(NOW + timedelta(minutes=1))
    quota_history.remember(NOW + timedelta(hours=1))

    assert list(QuotaHour.objects.order_by("at").values_list("cpu_used", flat=True)) == [1500, None]


def test_a_quota_that_is_no_quantity_is_not_known(payments: TenantNamespace) -> None:
    says(payments, used="a lot", hard="-5")
    quota_history.remember(NOW)

    row = QuotaHour.objects.get()
    assert (row.cpu_used, row.cpu_hard) == (None, 0)


def test_the_fleets_row_says_of_how_many_it_is(payments: TenantNamespace) -> None:
    says(payments)
    other = NamespaceFactory(begun_at=NOW)
    watched(other.cluster, in_step=False)
    says(other, used="7")
    quota_history.remember(NOW)

    row = FleetHour.objects.get()
    assert (row.namespaces, row.namespaces_seen) == (2, 1)
    assert (row.clusters, row.clusters_seen) == (2, 1)
    assert row.cpu_used == 1500


def test_a_fleet_that_nobody_follows_has_no_zero(payments: TenantNamespace) -> None:
    Watch.objects.update(in_step=False)
    says(payments)
    quota_history.remember(NOW)

    assert FleetHour.objects.get().cpu_used is None


def test_what_is_only_wished_for_or_gone_is_not_there(db: None) -> None:
    NamespaceFactory()
    NamespaceFactory(begun_at=NOW, deleted_at=NOW)
    quota_history.remember(NOW)

    assert not QuotaHour.objects.exists()


def test_looking_costs_the_same_questions_however_many_there_are(
    payments: TenantNamespace, django_assert_num_queries: Any
) -> None:
    quota_history.remember(NOW)
    with django_assert_num_queries(16):
        quota_history.remember(NOW)
    for _ in range(20):
        says(NamespaceFactory(begun_at=NOW, cluster=payments.cluster))
    with django_assert_num_queries(16):
        quota_history.remember(NOW)


def test_each_grain_is_forgotten_after_its_own_time(payments: TenantNamespace) -> None:
    quota_history.remember(NOW)

    there = []
    for days in (1, 15, 101):
        quota_history.forget(NOW + timedelta(days=days))
        there.append([m.objects.count() for m in (QuotaHour, QuotaDay, FleetHour)])

    assert there == [[1, 1, 1], [0, 1, 0], [0, 0, 0]]


def test_hours_of_a_day_before_the_namespace_was_there_have_no_usage(
    payments: TenantNamespace,
) -> None:
    made = NOW - timedelta(hours=2)
    TenantNamespace.objects.update(begun_at=made)
    quota_history.remember(NOW)
    day = ranges.asked(window=Window.A_DAY, now=NOW)

    told = reading.used(TenantNamespace.objects.all(), day)

    assert [point.at.hour for point in told] == [10, 11, 12]
