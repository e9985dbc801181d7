"""The first page: what an operator looks for, in a number of queries that does not grow."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from controlplane.desk import fleet
from controlplane.index.models import Watch
from tenants.models import RequestState
from tests.factories import ClusterFactory, NamespaceFactory, filed

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
INDEX = "admin:index"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon for as long as a test takes, however busy the machine: `in 9 min` stays true."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def tiles(client: Client) -> dict[str, Any]:
    return {tile.label: tile for tile in client.get(reverse(INDEX)).context["fleet"].tiles}


def test_each_number_leads_to_exactly_the_rows_it_counts(admin: Client) -> None:
    for phase, count in (("Ready", 3), ("Degraded", 2), ("Pending", 1), ("Terminating", 1)):
        for _ in range(count):
            NamespaceFactory(phase=phase, failures=int(phase == "Degraded"))
    NamespaceFactory(phase="Ready", paused=True)
    NamespaceFactory(phase="Terminated", deleted_at=NOW)

    found = tiles(admin)

    assert {label: tile.count for label, tile in found.items()} == {
        "Pending": 1,
        "Provisioning": 0,
        "Ready": 4,
        "Degraded": 2,
        "Terminating": 1,
        "Failing": 2,
        "Paused": 1,
    }
    for tile in found.values():
        page = admin.get(reverse("admin:tenants_tenantnamespace_changelist") + tile.link)
        assert page.context["cl"].result_count == tile.count, tile.label


def test_the_worst_ten_are_told_with_reason_and_next_try(admin: Client) -> None:
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "ErrImagePull",
        "message": "<b>manifest unknown</b>",
    }
    for failures in range(1, 13):
        NamespaceFactory(
            failures=failures,
            conditions=[condition],
            next_reconcile_at=timezone.now() + timedelta(minutes=9, seconds=30),
        )
    NamespaceFactory(failures=99, paused=True)

    answer = admin.get(reverse(INDEX))

    assert [n.failures for n in answer.context["fleet"].failing] == list(range(12, 2, -1))
    page = answer.content.decode()
    assert "ErrImagePull" in page
    assert "&lt;b&gt;manifest unknown" in page
    assert "in 9 min" in page


def test_the_oldest_requests_wait_first(admin: Client) -> None:
    old, new, decided = filed(), filed(), filed()
    type(old).objects.filter(pk=old.pk).update(created_at=NOW - timedelta(days=3))
    type(old).objects.filter(pk=decided.pk).update(state=RequestState.APPROVED)
    type(old).objects.filter(pk=new.pk).update(namespace=NamespaceFactory())

    waiting = admin.get(reverse(INDEX)).context["fleet"].waiting

    assert [request.pk for request in waiting.oldest] == [old.pk, new.pk]
    assert (waiting.count, waiting.back) == (2, 1)


def test_clusters_say_whether_they_answer_and_how_old_the_index_is(admin: Client) -> None:
    well, away = ClusterFactory(name="well"), ClusterFactory(name="away", reachable=False)
    NamespaceFactory(cluster=well)
    Watch.objects.create(
        cluster=well, kind="Workflow", in_step=False, message="410 Gone", since=NOW
    )

    lines = {
        line.cluster.name: line for line in admin.get(reverse(INDEX)).context["fleet"].clusters
    }

    assert list(lines) == ["away", "well"]
    assert (lines["well"].namespaces, [w.message for w in lines["well"].lagging]) == (
        1,
        ["410 Gone"],
    )
    assert lines["away"].watches == []
    assert away.reachable is False


def lines_of(client: Client) -> dict[str, fleet.ClusterLine]:
    found = client.get(reverse(INDEX)).context["fleet"].clusters
    return {line.cluster.name: line for line in found}


def test_a_fleet_that_nobody_looks_at_is_not_green(admin: Client) -> None:
    NamespaceFactory(cluster=ClusterFactory(name="east", checked_at=NOW - timedelta(minutes=8)))

    answer = admin.get(reverse(INDEX))

    page = answer.content.decode()
    assert "no turn that was due was taken, since 11:52 UTC" in page
    assert "<code>argosy worker</code>" in page
    assert "Every turn of the last round succeeded." not in page
    assert lines_of(admin)["east"].answer.word == "not looked at"


def test_one_cluster_that_is_no_longer_looked_at_says_so_alone(admin: Client) -> None:
    ClusterFactory(name="east", checked_at=NOW - timedelta(minutes=8))
    ClusterFactory(name="west", checked_at=NOW)

    answers = {name: line.answer.word for name, line in lines_of(admin).items()}

    assert answers == {"east": "not looked at", "west": "reachable"}
    assert admin.get(reverse(INDEX)).context["fleet"].idle == ""


def test_what_waits_for_a_cluster_is_counted_and_not_called_a_success(admin: Client) -> None:
    for name in ("east", "west"):
        gone = ClusterFactory(name=name, reachable=False, trouble="away", message="refused")
        NamespaceFactory(cluster=gone, phase="Degraded")
        NamespaceFactory(cluster=gone, phase="Degraded", failures=3, next_reconcile_at=NOW)

    page = admin.get(reverse(INDEX)).content.decode()

    assert "<b>4</b> namespaces wait for 2 clusters" in page
    assert "Every turn of the last round succeeded." not in page
    assert "waits until the cluster answers" in page
    assert page.count("argosy local up") == len(("east", "west"))


def test_no_watch_is_in_step_with_a_cluster_that_is_away(admin: Client) -> None:
    gone = ClusterFactory(name="gone", reachable=False)
    Watch.objects.create(cluster=gone, kind="Workflow", in_step=True, since=NOW, heard_at=NOW)

    assert lines_of(admin)["gone"].watch.word == "waits for the cluster"


def test_a_reason_that_all_watches_have_is_said_once(admin: Client) -> None:
    here = ClusterFactory(name="here")
    for kind in ("Workflow", "ResourceQuota"):
        Watch.objects.create(cluster=here, kind=kind, message="x509: unknown", since=NOW)

    watch = lines_of(admin)["here"].watch

    assert (watch.word, watch.whys) == ("behind", ("x509: unknown",))
    assert watch.kinds.split(", ") == ["Workflow", "ResourceQuota"]


@pytest.mark.parametrize(
    ("trouble", "way"),
    [
        ("away", "argosy local up east"),
        ("credential", "argosy cluster add east --kubeconfig FILE"),
        ("rights", "argosy cluster preflight"),
    ],
)
def test_each_trouble_has_its_way_out_beside_it(admin: Client, trouble: str, way: str) -> None:
    ClusterFactory(name="east", reachable=False, trouble=trouble, message="Its own words " * 20)

    page = admin.get(reverse(INDEX)).content.decode()

    assert way in page
    assert "Its own words " * 20 in page  # whole, not cut


def test_argo_versions_are_the_wanted_and_the_seen(admin: Client) -> None:
    for version in (settings.ARGO_VERSION, settings.ARGO_VERSION, "v3.7.4", ""):
        NamespaceFactory(argo_version=version)

    found = admin.get(reverse(INDEX)).context["fleet"]

    assert found.wanted_version == settings.ARGO_VERSION
    assert {(v.name, v.count, v.wanted) for v in found.versions} == {
        (settings.ARGO_VERSION, 2, True),
        ("v3.7.4", 1, False),
        ("", 1, False),
    }
    rows = admin.get(
        reverse("admin:tenants_tenantnamespace_changelist"), {"argo_version__exact": "v3.7.4"}
    )
    assert rows.context["cl"].result_count == 1


def test_an_empty_fleet_says_what_to_do(admin: Client) -> None:
    page = admin.get(reverse(INDEX)).content.decode()

    assert "argosy cluster add" in page
    assert "Nobody waits for a decision." in page


def test_an_overview_is_nine_queries_however_large_the_fleet(
    django_assert_num_queries: Any,
) -> None:
    for _ in range(30):
        filed(NamespaceFactory(failures=1).team)

    with django_assert_num_queries(9):
        fleet.overview()


def test_a_vulnerable_argo_is_said_to_be_and_its_namespaces_are_listed(admin: Client) -> None:
    for version in ("v4.0.5", "v4.1.1", "v4.1.2"):
        NamespaceFactory(argo_version=version)

    page = admin.get(reverse(INDEX)).content.decode()
    listed = admin.get(reverse("admin:tenants_tenantnamespace_changelist"), {"argo": "vulnerable"})

    assert "Bring it to v4.0.6 or newer of its line" in page
    assert "v4.1.1 is never to be installed" in page
    assert listed.context["cl"].result_count == 1
    assert "vulnerable</span>" in listed.content.decode()
