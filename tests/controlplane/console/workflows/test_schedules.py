"""Schedules: in words, missed, let rest and woken."""

from typing import Any

import pytest

from controlplane.index import services as index
from controlplane.index.entries import cron_of
from controlplane.index.kinds import CRON
from controlplane.index.models import Watch
from controlplane.objects import Manifest
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import signed_in
from tests.controlplane.console.workflows.stories import NOW, made, stored, text_of
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    viewer_of,
)
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db


def scheduled(
    fake: FakeCluster, namespace: TenantNamespace, name: str, *schedules: str, **spec: Any
) -> Manifest:
    """A CronWorkflow in the cluster, as the watch saw it there."""
    cron = made(fake, "CronWorkflow", name, {"schedules": list(schedules), **spec})
    entry = cron_of(cron)
    assert entry is not None
    index.put(namespace.cluster, CRON, [entry], now=NOW)
    return cron


@pytest.fixture
def nightly(fake: FakeCluster, payments: TenantNamespace) -> Manifest:
    return scheduled(fake, payments, "nightly", "0 6 * * *", timezone="Europe/Berlin")


def test_schedules_are_said_in_words_and_as_written(
    payments: TenantNamespace, nightly: Manifest
) -> None:
    page = text_of(signed_in(viewer_of(payments.team)).get("/crons/"))

    assert "At 06:00 every day" in page
    assert "0 6 * * *" in page
    assert "Europe/Berlin" in page
    assert "Suspend" not in page


def test_a_member_lets_a_schedule_rest_and_wakes_it(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    client = signed_in(member_of(payments.team))

    page = text_of(client.post(f"/crons/{payments.pk}/nightly/suspend/", follow=True))
    assert "not while suspended" in page
    assert stored(fake, "nightly", "CronWorkflow")["spec"]["suspend"] is True

    client.post(f"/crons/{payments.pk}/nightly/resume/")
    assert stored(fake, "nightly", "CronWorkflow")["spec"]["suspend"] is False
    assert client.post(f"/crons/{payments.pk}/nothing/resume/").status_code == 404


@pytest.mark.parametrize(
    ("schedules", "says", "badge"),
    [(["at noon"], "never runs", "Never runs"), (["at noon", "@daily"], "not by all", "Partly")],
)
def test_resuming_what_no_clock_can_start_says_so(
    payments: TenantNamespace, fake: FakeCluster, schedules: list[str], says: str, badge: str
) -> None:
    made(fake, "CronWorkflow", "broken", {"schedules": schedules, "suspend": True})
    client = signed_in(member_of(payments.team))

    page = text_of(client.post(f"/crons/{payments.pk}/broken/resume/", follow=True))

    assert says in page
    assert "runs again." not in page
    assert badge in page
    assert ">Active<" not in page


def test_a_viewer_may_not_touch_a_schedule(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    answer = signed_in(viewer_of(payments.team)).post(f"/crons/{payments.pk}/nightly/suspend/")

    assert answer.status_code == 403
    assert "suspend" not in stored(fake, "nightly", "CronWorkflow")["spec"]


def test_other_teams_schedules_are_not_there(payments: TenantNamespace, nightly: Manifest) -> None:
    for who in (owner_of(TeamFactory()), approver()):
        assert "nightly" not in text_of(signed_in(who).get("/crons/"))


def test_how_old_a_clusters_schedules_are_is_said_and_why_to_the_platforms_people_only(
    payments: TenantNamespace, nightly: Manifest
) -> None:
    client = signed_in(viewer_of(payments.team))
    both = PersonFactory(claimed_groups=[payments.team.viewer_group, "argosy-approvers"])
    assert "<b>east</b> is not followed yet" in text_of(client.get("/crons/"))

    watch = Watch.objects.create(
        cluster=payments.cluster, kind="CronWorkflow", in_step=True, since=NOW, heard_at=NOW
    )
    assert "east: followed live" in text_of(client.get("/crons/"))

    watch.in_step, watch.message = False, "connection refused"
    watch.save()
    page = text_of(client.get("/crons/"))
    assert "<b>east</b> was lost sight of" in page
    assert "nightly" in page
    assert "connection refused" not in page
    assert "connection refused" in text_of(signed_in(both).get("/crons/"))


def test_that_there_is_no_schedule_is_said_only_where_the_watch_would_know(
    payments: TenantNamespace,
) -> None:
    client = signed_in(viewer_of(payments.team))
    assert "No schedule is known" in text_of(client.get("/crons/"))

    Watch.objects.create(
        cluster=payments.cluster, kind="CronWorkflow", in_step=True, since=NOW, heard_at=NOW
    )
    assert "Nothing starts by the clock yet" in text_of(client.get("/crons/"))


def test_schedules_are_read_from_no_cluster(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    fake.unreachable = True

    assert "nightly" in text_of(signed_in(viewer_of(payments.team)).get("/crons/"))


def test_a_schedule_that_is_away_from_the_cluster_is_said_when_it_is_touched(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    fake.unreachable = True

    answer = signed_in(member_of(payments.team)).post(f"/crons/{payments.pk}/nightly/suspend/")

    assert answer.status_code == 503
    assert "cannot be reached" in text_of(answer)
    assert "Suspend nightly" in text_of(answer)


def test_schedules_are_found_by_name_and_by_the_switchers_team(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    scheduled(fake, payments, "hourly", "@hourly")
    other = TeamFactory(slug="ledger", viewer_group=payments.team.viewer_group)
    client = signed_in(viewer_of(payments.team))

    found = text_of(client.get("/crons/?q=NIGHT"))
    assert "nightly" in found
    assert "hourly" not in found
    assert "No schedule has that in its name" in text_of(client.get("/crons/?q=%25"))

    client.get(f"/?team={other.slug}")
    assert "nightly" not in text_of(client.get("/crons/"))


def test_the_query_count_of_schedules_stays_the_same(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster, django_assert_num_queries: Any
) -> None:
    client = signed_in(viewer_of(payments.team))
    with django_assert_num_queries(10):
        client.get("/crons/")
    for number in range(40):
        scheduled(fake, payments, f"c-{number}", "@daily")
    NamespaceFactory(team=payments.team)

    with django_assert_num_queries(10):
        page = text_of(client.get("/crons/"))

    assert page.count("At 00:00 every day") == 25
