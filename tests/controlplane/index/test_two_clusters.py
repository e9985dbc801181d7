"""One name on two clusters, and half a list of one of them: rows of the one are not the other's."""

import threading

import pytest

from controlplane.index import services, watching
from controlplane.index.kinds import WORKFLOW
from controlplane.index.models import Workflow
from controlplane.index.watching import Follower, Listed, News
from controlplane.kube.door import Listing
from controlplane.kube.errors import Unreachable
from tenants.models import TenantNamespace
from tests.controlplane.index.conftest import NOW, seen
from tests.factories import ClusterFactory, NamespaceFactory
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def twin(payments: TenantNamespace) -> TenantNamespace:
    """The same team's namespace of the same name, on another cluster."""
    return NamespaceFactory(
        name=payments.name, team=payments.team, cluster=ClusterFactory(), begun_at=NOW
    )


def where() -> set[tuple[str, str]]:
    return set(Workflow.objects.values_list("namespace__cluster__name", "name"))


def test_the_same_name_on_two_clusters_is_two_places(
    payments: TenantNamespace, twin: TenantNamespace
) -> None:
    for namespace in (payments, twin):
        services.put(namespace.cluster, WORKFLOW, [seen()], now=NOW)

    services.replace_all(payments.cluster, WORKFLOW, [], resource_version=9, now=NOW)

    assert where() == {(twin.cluster.name, "hello")}


def test_what_is_gone_on_one_of_them_is_there_on_the_other(
    payments: TenantNamespace, twin: TenantNamespace
) -> None:
    for namespace in (payments, twin):
        services.put(namespace.cluster, WORKFLOW, [seen()], now=NOW)

    services.gone(twin.cluster, WORKFLOW, [seen(version=2)], now=NOW)

    assert where() == {(payments.cluster.name, "hello")}


class Half(FakeCluster):
    """It answers the first page of a list, and then no more."""

    def list_from(self, *args: object, **asked: object) -> Listing:
        if asked.get("cursor"):
            ended.set()
            raise Unreachable("the API server cannot be reached")
        return Listing((), "more", "9")


ended = threading.Event()


def test_half_a_list_tells_no_list_so_that_no_row_goes(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "pause", lambda _failures, _luck: 0)
    services.put(payments.cluster, WORKFLOW, [seen()], now=NOW)
    ended.clear()
    told: list[News] = []

    Follower(Half(), WORKFLOW, known=0, tell=told.append, ended=ended).run()

    assert [news for news in told if isinstance(news, Listed)] == []
    assert where() == {(payments.cluster.name, "hello")}
