"""Rows follow what was seen: forward only, in our own namespaces only, and nothing left behind."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from controlplane.index import services
from controlplane.index.kinds import QUOTA, WORKFLOW
from controlplane.index.models import SILENCE, QuotaUse, Watch, Workflow
from controlplane.index.watching import STREAM_SECONDS
from tenants.models import TenantNamespace
from tests.controlplane.index.conftest import NOW, counted, seen
from tests.factories import ClusterFactory, NamespaceFactory

pytestmark = pytest.mark.django_db


def phases() -> dict[str, str]:
    return dict(Workflow.objects.values_list("name", "phase"))


def test_what_was_seen_is_a_row(payments: TenantNamespace) -> None:
    services.put(payments.cluster, WORKFLOW, [seen(phase="Running", labels={"a": "b"})], now=NOW)

    row = Workflow.objects.get()
    assert (row.namespace, row.uid, row.name) == (payments, "uid-hello", "hello")
    assert (row.phase, row.labels, row.created_at) == ("Running", {"a": "b"}, NOW)


def test_seen_again_is_the_same_row_brought_up_to_date(payments: TenantNamespace) -> None:
    services.put(payments.cluster, WORKFLOW, [seen(phase="Running")], now=NOW)
    before = Workflow.objects.get().pk

    services.put(payments.cluster, WORKFLOW, [seen(version=2, phase="Failed")], now=NOW)

    assert Workflow.objects.values_list("pk", "phase").get() == (before, "Failed")


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_older_than_its_row_changes_nothing(
    payments: TenantNamespace, version: int
) -> None:
    services.put(payments.cluster, WORKFLOW, [seen(version=2, phase="Failed")], now=NOW)

    services.put(payments.cluster, WORKFLOW, [seen(version=version, phase="Running")], now=NOW)

    assert phases() == {"hello": "Failed"}


def test_of_one_object_told_twice_the_newest_counts(payments: TenantNamespace) -> None:
    twice = [seen(version=10, phase="Failed"), seen(version=9, phase="Running")]

    services.put(payments.cluster, WORKFLOW, twice, now=NOW)

    assert phases() == {"hello": "Failed"}


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "other"},
        {"name": "payments", "begun_at": None},  # wanted, and another's namespace has the name
        {"name": "payments", "begun_at": NOW, "deleted_at": NOW},
    ],
)
def test_a_namespace_that_is_not_ours_there_is_ignored(facts: dict[str, object]) -> None:
    namespace = NamespaceFactory(**{"begun_at": NOW, **facts})

    services.put(namespace.cluster, WORKFLOW, [seen()], now=NOW)
    services.replace_all(namespace.cluster, WORKFLOW, [seen()], resource_version=9, now=NOW)

    assert not Workflow.objects.exists()


def test_the_same_uid_on_two_clusters_is_two_rows(payments: TenantNamespace) -> None:
    copy = NamespaceFactory(name="payments", begun_at=NOW)
    services.put(payments.cluster, WORKFLOW, [seen(phase="Running")], now=NOW)

    services.put(copy.cluster, WORKFLOW, [seen(version=5, phase="Failed")], now=NOW)
    services.gone(copy.cluster, WORKFLOW, [seen(version=6)], now=NOW)

    assert Workflow.objects.values_list("namespace", "phase").get() == (payments.pk, "Running")


def test_gone_twice_is_gone_once(payments: TenantNamespace) -> None:
    services.put(payments.cluster, WORKFLOW, [seen("a"), seen("b")], now=NOW)

    services.gone(payments.cluster, WORKFLOW, [seen("a", version=2)], now=NOW)
    services.gone(payments.cluster, WORKFLOW, [seen("a", version=2)], now=NOW)

    assert phases() == {"b": ""}


def test_a_whole_list_adds_changes_and_takes_away(payments: TenantNamespace) -> None:
    elsewhere = NamespaceFactory(name="payments", begun_at=NOW)
    services.put(elsewhere.cluster, WORKFLOW, [seen("theirs")], now=NOW)
    services.put(payments.cluster, WORKFLOW, [seen("old"), seen("kept")], now=NOW)

    listed = [seen("kept", version=3, phase="Running"), seen("new", version=4)]
    services.replace_all(payments.cluster, WORKFLOW, listed, resource_version=5, now=NOW)

    assert phases() == {"theirs": "", "kept": "Running", "new": ""}


def test_a_row_newer_than_the_list_stays(payments: TenantNamespace) -> None:
    services.put(
        payments.cluster, WORKFLOW, [seen("new", version=7), seen("told", version=8)], now=NOW
    )

    listed = [seen("told", version=2, phase="Running")]
    services.replace_all(payments.cluster, WORKFLOW, listed, resource_version=5, now=NOW)

    assert phases() == {"new": "", "told": ""}


def test_a_cluster_that_went_back_is_believed(payments: TenantNamespace) -> None:
    services.put(
        payments.cluster, WORKFLOW, [seen("new", version=7), seen("told", version=8)], now=NOW
    )

    listed = [seen("told", version=2, phase="Running")]
    services.replace_all(
        payments.cluster, WORKFLOW, listed, resource_version=5, now=NOW, went_back=True
    )

    assert phases() == {"told": "Running"}
    assert services.newest(payments.cluster, WORKFLOW) == 2


def test_a_list_writes_what_it_has_anew_even_at_the_same_version(payments: TenantNamespace) -> None:
    services.put(payments.cluster, WORKFLOW, [seen(version=2)], now=NOW)

    # A newer release of ours reads more from the same object.
    again = [seen(version=2, template="ledger")]
    services.replace_all(payments.cluster, WORKFLOW, again, resource_version=5, now=NOW)

    assert Workflow.objects.get().template == "ledger"


def test_long_lists_are_written_in_batches(
    payments: TenantNamespace,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(services, "BATCH", 10)
    services.put(payments.cluster, WORKFLOW, [seen(f"old-{n}") for n in range(25)], now=NOW)
    listed = [seen(f"new-{n}", version=2) for n in range(25)]

    # Three batches of each: what is there, what is new, and what those that vanished had used.
    with django_assert_max_num_queries(64):
        services.replace_all(payments.cluster, WORKFLOW, listed, resource_version=5, now=NOW)

    assert sorted(phases()) == sorted(f"new-{n}" for n in range(25))


def test_a_quota_has_one_row_a_namespace(payments: TenantNamespace) -> None:
    services.put(payments.cluster, QUOTA, [counted(used={"pods": "1"})], now=NOW)
    made_anew = counted(version=9, uid="another", used={"pods": "2"})

    services.put(payments.cluster, QUOTA, [made_anew], now=NOW + timedelta(seconds=1))
    services.gone(payments.cluster, QUOTA, [counted(version=8)], now=NOW)

    row = QuotaUse.objects.get()
    assert (row.namespace, row.used, row.seen_at) == (
        payments,
        {"pods": "2"},
        NOW + timedelta(seconds=1),
    )


def test_a_quota_that_is_not_listed_any_more_goes(payments: TenantNamespace) -> None:
    services.put(payments.cluster, QUOTA, [counted()], now=NOW)

    services.replace_all(payments.cluster, QUOTA, [], resource_version=5, now=NOW)

    assert not QuotaUse.objects.exists()


def test_a_watch_tells_since_when_it_is_behind_and_why() -> None:
    cluster = ClusterFactory()
    later, latest = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    services.report(cluster, WORKFLOW, in_step=True, now=NOW)
    services.heard(cluster, WORKFLOW, now=later)

    services.report(cluster, WORKFLOW, in_step=False, message="refused", now=later)
    services.report(cluster, WORKFLOW, in_step=False, message="timed out" * 99, now=latest)

    row = Watch.objects.get(cluster=cluster, kind="Workflow")
    assert (row.in_step, row.since, row.heard_at) == (False, later, later)
    assert row.message.startswith("timed out")

    services.report(cluster, WORKFLOW, in_step=True, now=latest)

    row.refresh_from_db()
    assert (row.in_step, row.since, row.heard_at, row.message) == (True, latest, latest, "")


def test_a_watch_that_is_heard_is_in_step_whatever_another_process_said_at_its_end() -> None:
    cluster, later = ClusterFactory(), NOW + timedelta(minutes=1)
    services.report(cluster, WORKFLOW, in_step=False, message="not running", now=NOW)

    services.heard(cluster, WORKFLOW, now=later)

    row = Watch.objects.get()
    assert (row.in_step, row.message, row.since, row.heard_at) == (True, "", later, later)


def test_a_watch_that_was_killed_is_not_in_step_whatever_it_said_last() -> None:
    cluster, now = ClusterFactory(), timezone.now()
    services.report(cluster, WORKFLOW, in_step=True, now=now - timedelta(hours=2))
    services.heard(cluster, WORKFLOW, now=now - timedelta(minutes=4))
    services.report(cluster, QUOTA, in_step=True, now=now)

    killed, lives = Watch.objects.order_by("-kind")

    assert (killed.follows, lives.follows) == (False, True)
    assert list(Watch.objects.late(now)) == [killed]
    assert killed.lost_at == killed.heard_at
    assert "has ended" in killed.why_lost


def test_a_watch_that_said_why_it_fell_behind_is_late_at_once_and_since_then() -> None:
    cluster, now = ClusterFactory(), timezone.now()
    services.report(cluster, WORKFLOW, in_step=True, now=now - timedelta(seconds=20))
    services.report(cluster, WORKFLOW, in_step=False, message="refused", now=now)

    row = Watch.objects.late(now).get()

    assert not row.follows
    assert (row.lost_at, row.why_lost) == (now, "refused")


def test_two_streams_may_pass_in_silence_before_a_watch_is_taken_for_dead() -> None:
    assert SILENCE.total_seconds() > 2 * STREAM_SECONDS
