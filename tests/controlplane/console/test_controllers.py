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
    """An engine that has these series, and last heard the cluster then."""

    series: tuple[Series, ...] = ()
    heard: datetime = NOW

    def over(self, _expression: str, **_: Any) -> tuple[Series, ...]:
        return self.series

    def instant(self, _expression: str, **_: Any) -> tuple[Series, ...]:
        return (Series({"cluster": "eu-1"}, ((NOW.timestamp(), self.heard.timestamp()),)),)


def tells(monkeypatch: pytest.MonkeyPatch, story: object) -> None:
    monkeypatch.setattr(engine, "current", lambda: story)


def running(value: float, **labels: str) -> Series:
    at = (NOW - timedelta(minutes=30)).timestamp()
    return Series(labels, ((at, value), (at + 900, value + 1)))


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


def test_another_teams_controllers_are_not_there(payments: TenantNamespace) -> None:
    stranger = signed_in(owner_of(TeamFactory()))

    for path in (TEAM, "/controllers/", "/controllers/?cluster=eu-1"):
        assert stranger.get(path).status_code == 404
    assert signed_in(approver()).get("/controllers/?cluster=no-such").status_code == 404
