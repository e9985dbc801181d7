"""What controllers say, beside the rows: the engine's answers drawn, its absence said, nothing invented."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.metrics import engine
from controlplane.metrics.engine import Down, Series
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import read, signed_in
from tests.controlplane.metrics.usage.conftest import NOW
from tests.factories import NamespaceFactory, TeamFactory, approver, owner_of

pytestmark = pytest.mark.django_db

TEAM = "/usage/controllers/?team=payments"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def payments() -> TenantNamespace:
    namespace = NamespaceFactory(
        name="payments", team=TeamFactory(slug="payments"), begun_at=NOW, applied_at=NOW
    )
    Cluster.objects.update(name="eu-1", simulated=False)
    return namespace


@dataclass
class Story:
    """An engine that has these series, and last heard the cluster then; counts what it is asked."""

    series: tuple[Series, ...] = ()
    heard: datetime = NOW
    versions: tuple[Series, ...] = ()
    asked: int = 0

    def over(self, _expression: str, **_: Any) -> tuple[Series, ...]:
        self.asked += 1
        return self.series

    def instant(self, expression: str, **_: Any) -> tuple[Series, ...]:
        self.asked += 1
        if "controller_version" in expression:
            return self.versions
        return (Series({"cluster": "eu-1"}, ((NOW.timestamp(), self.heard.timestamp()),)),)


def tells(monkeypatch: pytest.MonkeyPatch, story: object) -> None:
    monkeypatch.setattr(engine, "current", lambda: story)


def running(value: float, **labels: str) -> Series:
    at = (NOW - timedelta(minutes=30)).timestamp()
    return Series(labels, ((at, value), (at + 900, value + 1)))


def says(version: str, namespace: str = "payments", count: int = 1) -> Series:
    labels = {"cluster": "eu-1", "namespace": namespace, "version": version}
    return Series(labels, ((NOW.timestamp(), count),))


def of_team(payments: TenantNamespace) -> Client:
    return signed_in(owner_of(payments.team))


def test_what_the_engine_has_is_drawn_with_how_many_clusters_were_heard(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells(monkeypatch, Story((running(3, phase="Running"), running(1, phase="Failed"))))

    page = read(of_team(payments), TEAM)

    assert "1 of 1 cluster heard by the metrics engine" in page
    assert "Hour (UTC) Running Failed 10 Mar 12:00 3 1 10 Mar 12:15 4 2" in page


def test_an_engine_that_is_away_is_said_and_the_rows_stand(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells(monkeypatch, Down("The metrics engine does not answer.", NOW - timedelta(hours=1)))

    assert "The metrics engine does not answer." in read(of_team(payments), TEAM)
    for path in ("/fleet/", "/fleet/eu-1/", "/usage/?team=payments"):
        assert read(signed_in(approver()), path)
    assert "The metrics engine does not answer." in read(signed_in(approver()), "/controllers/")


def test_where_pods_run_nothing_nothing_is_measured_and_the_engine_is_not_asked(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cluster.objects.update(simulated=True)
    tells(monkeypatch, None)

    assert "Simulated: nothing measured." in read(of_team(payments), TEAM)
    assert "Simulated: nothing measured." in read(signed_in(approver()), "/controllers/")


def test_what_is_old_is_never_drawn_as_fresh(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Story((running(3, phase="Running"),), heard=NOW - timedelta(minutes=108))
    tells(monkeypatch, old)

    assert "Nothing fresh: 0 of 1 cluster, 1 stale since 10:42." in read(of_team(payments), TEAM)


def test_more_lines_than_can_be_told_apart_are_counted(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells(monkeypatch, Story(tuple(running(n, namespace=f"n{n}") for n in range(9))))

    page = read(of_team(payments), TEAM)

    assert "3 more lines, all below these, are not drawn." in page
    assert "n8 n7 n6 n5 n4 n3" in page


@pytest.mark.parametrize("window", ["range=90d", "from=2026-01-01&to=2026-03-10", "range=x"])
def test_a_range_longer_than_the_engine_answers_is_cut(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch, window: str
) -> None:
    tells(monkeypatch, Story((running(3, phase="Running"),)))

    assert "Running" in read(of_team(payments), f"{TEAM}&{window}")


def test_the_page_of_a_cluster_holds_each_release_against_what_its_controller_says(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    TenantNamespace.objects.update(argo_version="v4.1.2")
    for name in ("well", "quiet"):
        NamespaceFactory(name=name, cluster=payments.cluster, argo_version="v4.1.2", applied_at=NOW)
    tells(monkeypatch, Story(versions=(says("v4.0.5"), says("v4.1.2", "well"))))

    page = read(signed_in(approver()), "/controllers/?cluster=eu-1")

    assert "The release says v4.1.2, the controller that answers says v4.0.5:" in page
    assert "v4.0.5 vulnerable" in page
    assert page.count("The release says") == 1
    assert "not measured: no version of it is heard from eu-1 now" in page
    assert page.index("payments payments") < page.index("quiet") < page.index("well")


def test_the_page_of_all_clusters_counts_the_versions_that_controllers_say_they_are(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells(monkeypatch, Story(versions=(says("v4.0.5", count=2), says("v4.1.2", count=38))))

    page = read(signed_in(approver()), "/controllers/")

    assert "v4.1.2 38 v4.0.5 vulnerable" in page


def test_what_is_asked_for_a_clusters_page_is_the_same_however_full_it_is(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    client, story = signed_in(approver()), Story(versions=(says("v4.1.2"),))
    tells(monkeypatch, story)
    client.get("/controllers/?cluster=eu-1")
    once = story.asked
    with django_assert_num_queries(12):
        client.get("/controllers/?cluster=eu-1")
    for number in range(60):
        NamespaceFactory(
            cluster=payments.cluster, team=payments.team, applied_at=NOW, name=f"n{number}"
        )
    story.asked = 0
    with django_assert_num_queries(12):
        page = client.get("/controllers/?cluster=eu-1").content.decode()

    assert (story.asked, "and 11 more" in page) == (once, True)


@pytest.mark.parametrize("path", ["told/", "?told=1"])
def test_a_teams_own_page_says_what_its_controller_says_it_is(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    TenantNamespace.objects.update(argo_version="v4.1.2")
    story = Story(versions=(says("v4.0.5"),))
    tells(monkeypatch, story)

    page = read(of_team(payments), f"/namespaces/{payments.pk}/{path}")

    assert "The release says v4.1.2, the controller that answers says v4.0.5:" in page
    assert "CVE-" in page
    story.versions = (says("v4.1.2"),)
    page = read(of_team(payments), f"/namespaces/{payments.pk}/{path}")
    assert "v4.1.2" in page
    assert "The release says" not in page


def test_where_pods_run_nothing_or_nobody_is_heard_no_version_is_said(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/namespaces/{payments.pk}/told/"
    old = Story(versions=(says("v4.0.5"),), heard=NOW - timedelta(minutes=108))
    for story, why in (
        (Down("The metrics engine does not answer."), "The metrics engine does not answer."),
        (old, "last heard on 10 Mar 2026, 10:42 UTC"),
        (Story(), "the controller answers, and names no released version"),
    ):
        tells(monkeypatch, story)
        assert read(of_team(payments), path) == f"not measured: {why}"

    Cluster.objects.update(simulated=True)
    tells(monkeypatch, None)
    assert read(of_team(payments), path).startswith("not measured: its pods are simulated")


def test_another_teams_controllers_are_not_there(payments: TenantNamespace) -> None:
    stranger = signed_in(owner_of(TeamFactory()))

    told = f"/namespaces/{payments.pk}/told/"
    for path in (TEAM, "/controllers/", "/controllers/?cluster=eu-1", told):
        assert stranger.get(path).status_code == 404
    assert signed_in(approver()).get("/controllers/?cluster=no-such").status_code == 404
