"""What workflows used is added up once, whatever a watch tells, and before their cluster forgets them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum

from controlplane.index import services as index
from controlplane.index.kinds import WORKFLOW
from controlplane.index.models import Workflow
from controlplane.metrics import sums, usage
from controlplane.metrics.models import CountedWorkflow, UsageDay, UsageHour, UsageMonth
from controlplane.metrics.sums import MOST_A_SUM, MOST_TEMPLATES, OTHERS, growth
from controlplane.metrics.sums import Sum as Added
from tenants.models import TenantNamespace
from tests.controlplane.metrics.usage.conftest import NOW, ended, told
from tests.factories import NamespaceFactory

pytestmark = pytest.mark.django_db

GRAINS = (UsageHour, UsageDay, UsageMonth)


def added(model: Any = UsageMonth) -> tuple[int, ...]:
    return model.objects.values_list(
        "workflows", "failed", "unseen", "cpu_seconds", "memory_mib_seconds"
    ).get()


@pytest.mark.parametrize("grain", GRAINS)
def test_what_a_workflow_used_is_in_its_hour_its_day_and_its_month(
    payments: TenantNamespace, grain: Any
) -> None:
    told(payments, ended())

    row = grain.objects.get()
    assert row.namespace == payments
    assert added(grain) == (1, 0, 0, 7200, 1024 * 3600)


def test_each_grain_begins_where_its_time_does(payments: TenantNamespace) -> None:
    told(payments, ended())

    assert UsageHour.objects.get().at == datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert UsageDay.objects.get().at == datetime(2026, 3, 10, tzinfo=UTC)
    assert UsageMonth.objects.get().at == datetime(2026, 3, 1, tzinfo=UTC)


def test_days_and_months_know_the_template_and_hours_do_not(payments: TenantNamespace) -> None:
    told(payments, ended("a", template="settle"), ended("b", template="report"))

    assert set(UsageDay.objects.values_list("template", flat=True)) == {"settle", "report"}
    assert set(UsageMonth.objects.values_list("template", flat=True)) == {"settle", "report"}
    assert UsageHour.objects.get().workflows == 2


def test_told_twice_is_counted_once(payments: TenantNamespace) -> None:
    told(payments, ended())
    told(payments, ended(resource_version=2))
    index.replace_all(payments.cluster, WORKFLOW, [ended()], resource_version=9, now=NOW)

    assert added() == (1, 0, 0, 7200, 1024 * 3600)


def test_one_that_is_forgotten_and_told_of_again_is_counted_once(payments: TenantNamespace) -> None:
    told(payments, ended())
    index.gone(payments.cluster, WORKFLOW, [ended(resource_version=2)], now=NOW)
    told(payments, ended(resource_version=1))

    assert added()[0] == 1


def test_one_that_runs_is_not_counted_yet(payments: TenantNamespace) -> None:
    told(payments, ended(phase="Running", finished_at=None))

    assert not UsageMonth.objects.exists()


def test_one_that_is_removed_as_soon_as_it_ends_is_counted_by_its_last_word(
    payments: TenantNamespace,
) -> None:
    told(payments, ended(phase="Running", finished_at=None, cpu_seconds=10))
    index.gone(payments.cluster, WORKFLOW, [ended(resource_version=2)], now=NOW)

    assert added()[:4] == (1, 0, 0, 7200)


def test_one_that_vanished_unseen_counts_as_far_as_it_was_known_and_says_so(
    payments: TenantNamespace,
) -> None:
    told(payments, ended(phase="Running", finished_at=None, cpu_seconds=600))
    index.replace_all(payments.cluster, WORKFLOW, [], resource_version=9, now=NOW)

    assert not Workflow.objects.exists()
    assert added()[:4] == (1, 0, 1, 600)


def test_one_that_ended_before_the_list_was_made_is_not_taken_for_vanished(
    payments: TenantNamespace,
) -> None:
    told(payments, ended())
    index.replace_all(payments.cluster, WORKFLOW, [], resource_version=9, now=NOW)

    assert added()[:3] == (1, 0, 0)


def test_one_that_is_retried_adds_what_it_used_more(payments: TenantNamespace) -> None:
    told(payments, ended(phase="Failed", cpu_seconds=100))
    told(payments, ended(phase="Running", resource_version=2, finished_at=None, cpu_seconds=100))
    told(payments, ended(phase="Succeeded", resource_version=3, cpu_seconds=130))

    assert added()[:4] == (1, 1, 0, 130)


def test_one_that_says_less_than_before_takes_nothing_back(payments: TenantNamespace) -> None:
    told(payments, ended(cpu_seconds=100))
    told(payments, ended(resource_version=2, cpu_seconds=1))
    told(payments, ended(resource_version=3, cpu_seconds=100))

    assert added()[3] == 100


def test_the_same_uid_on_two_clusters_is_two_workflows(payments: TenantNamespace) -> None:
    copy = NamespaceFactory(name="payments", begun_at=NOW)
    told(payments, ended())
    told(copy, ended())

    assert UsageMonth.objects.aggregate(all=Sum("workflows"))["all"] == 2


def test_what_is_in_no_namespace_of_ours_is_nobodys_usage(payments: TenantNamespace) -> None:
    told(payments, ended(namespace="kube-system"))
    index.gone(payments.cluster, WORKFLOW, [ended("b", namespace="kube-system")], now=NOW)

    assert not UsageMonth.objects.exists()


def test_usage_outlives_its_workflow_and_its_namespace(payments: TenantNamespace) -> None:
    told(payments, ended())
    index.replace_all(payments.cluster, WORKFLOW, [], resource_version=9, now=NOW)
    TenantNamespace.objects.filter(pk=payments.pk).update(deleted_at=NOW)

    assert added()[3] == 7200


@pytest.mark.parametrize(
    "finished",
    [None, NOW + timedelta(days=900), NOW - timedelta(days=900), NOW - timedelta(days=9)],
)
def test_an_end_that_nobody_can_believe_counts_as_now(finished: datetime | None) -> None:
    made = NOW - timedelta(days=30)

    assert sums.moment_of(finished, made, NOW) == NOW


def test_an_end_before_the_beginning_counts_as_now() -> None:
    assert sums.moment_of(NOW - timedelta(hours=2), NOW - timedelta(hours=1), NOW) == NOW


def test_what_no_namespace_can_use_does_not_break_the_sums(payments: TenantNamespace) -> None:
    told(payments, *(ended(str(n), cpu_seconds=2**63 - 1) for n in range(5)))

    assert UsageMonth.objects.aggregate(all=Sum("cpu_seconds"))["all"] == MOST_A_SUM


def test_a_template_a_run_makes_no_row_a_run(payments: TenantNamespace) -> None:
    told(payments, *(ended(str(n), template=f"run-{n:04}") for n in range(MOST_TEMPLATES + 7)))

    assert UsageDay.objects.count() == MOST_TEMPLATES + 1
    assert UsageDay.objects.get(template=OTHERS).workflows == 7


def test_growth_of_what_is_counted_already_is_nothing() -> None:
    same = {"cpu": 5, "memory": 5, "failed": True, "seen": True}

    assert growth(**same, before=(5, 5)) is None
    assert growth(**same, before=None) == Added(1, 1, 0, 5, 5)


def test_a_batch_costs_the_same_questions_however_large(
    payments: TenantNamespace, django_assert_max_num_queries: Any
) -> None:
    told(payments, ended("first"))
    with django_assert_max_num_queries(15):
        told(payments, ended("second"))
    with django_assert_max_num_queries(15):
        told(payments, *(ended(str(n)) for n in range(100)))


def test_each_grain_is_forgotten_after_its_own_time(payments: TenantNamespace) -> None:
    told(payments, ended())
    index.replace_all(payments.cluster, WORKFLOW, [], resource_version=9, now=NOW)

    there = []
    for days in (1, 15, 101, 5 * 366 + 1):
        usage.forget(NOW + timedelta(days=days))
        there.append([model.objects.count() for model in (*GRAINS, CountedWorkflow)])

    assert there == [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_what_a_cluster_still_has_stays_counted(payments: TenantNamespace) -> None:
    told(payments, ended())

    usage.forget(NOW + timedelta(days=365))
    told(payments, ended(resource_version=2))

    assert CountedWorkflow.objects.count() == 1
