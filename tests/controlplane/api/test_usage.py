"""Usage, its cost and the fleet over REST: the pages' own numbers, and nothing of another team."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controlplane.index.models import QuotaUse
from controlplane.metrics import prices, quota_history
from controlplane.metrics.models import Price
from tenants.models import TenantNamespace
from tests.controlplane.api.conftest import client_of
from tests.controlplane.metrics.usage.conftest import NOW, ended, told, watched
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    owner_of,
    platform_admin,
)

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def payments() -> TenantNamespace:
    team = TeamFactory(slug="payments")
    namespace = NamespaceFactory(name="payments", team=team, begun_at=NOW)
    watched(namespace.cluster)
    QuotaUse.objects.create(
        namespace=namespace,
        hard={"requests.cpu": "8", "requests.memory": "32Gi"},
        used={"requests.cpu": "3250m", "requests.memory": "2560Mi"},
        seen_at=NOW,
    )
    quota_history.remember(NOW)
    told(namespace, ended())
    return namespace


def test_a_teams_usage_comes_with_how_much_of_it_is_known(payments: TenantNamespace) -> None:
    found = client_of(owner_of(payments.team)).get(f"{API}/usage/?team=payments").json()

    assert found["coverage"]["words"] == "1 of 1 cluster"
    assert (found["step_seconds"], len(found["quota"])) == (3600, 24)
    last = found["quota"][-1]
    assert (last["cpu_used"], last["cpu_hard"], last["memory_gib_used"]) == (3.25, 8.0, 2.5)
    assert found["quota"][0]["cpu_used"] is None
    assert found["used"][-1]["cpu_seconds"] == 7200
    assert found["templates"] == [
        {"template": "settle", "workflows": 1, "cpu_seconds": 7200, "memory_mib_seconds": 3686400}
    ]


def test_two_days_are_asked_for_by_the_words_of_the_page(payments: TenantNamespace) -> None:
    client = client_of(owner_of(payments.team))

    found = client.get(f"{API}/usage/?team=payments&from=2026-03-01&to=2026-03-09").json()

    assert found["first"] == "2026-03-01T00:00:00Z"
    assert found["end"] == "2026-03-10T00:00:00Z"
    assert found["step_seconds"] == 86_400


@pytest.mark.parametrize("odd", ["range=9y", "from=x", "team=%00", "team="])
def test_what_cannot_be_asked_is_refused_in_words(payments: TenantNamespace, odd: str) -> None:
    answer = client_of(owner_of(payments.team)).get(f"{API}/usage/?team=payments&{odd}")

    assert answer.status_code == 400
    assert answer.json()["error"]["sentence"]


@pytest.mark.parametrize("path", ["usage/?team=payments", "usage/chargeback/?team=payments"])
def test_another_teams_usage_is_not_there(payments: TenantNamespace, path: str) -> None:
    stranger = client_of(owner_of(TeamFactory()))

    assert stranger.get(f"{API}/{path}").status_code == 404
    assert client_of().get(f"{API}/{path}").status_code in {401, 403}


def test_a_bill_holds_ones_own_lines_and_ones_part_of_what_is_shared(
    payments: TenantNamespace,
) -> None:
    other = NamespaceFactory(name="ledger", begun_at=NOW)
    told(other, ended("b", namespace="ledger"))
    price = Price(since=NOW.date().replace(day=1), cpu_hour=Decimal(2), shared_month=Decimal(10))
    prices.put(price, today=NOW.date())

    mine, all_of_it = (
        client_of(who).get(f"{API}/usage/chargeback/?by=namespace").json()
        for who in (owner_of(payments.team), platform_admin())
    )

    assert [line["namespace"] for line in mine["results"]] == ["payments"]
    assert (mine["used"], mine["shared"], mine["total"]) == ("4.00", "5.00", "9.00")
    assert (all_of_it["used"], all_of_it["shared"], all_of_it["count"]) == ("8.00", "10.00", 2)


def test_without_a_price_a_bill_has_no_cost(payments: TenantNamespace) -> None:
    found = client_of(owner_of(payments.team)).get(f"{API}/usage/chargeback/").json()

    assert (found["currency"], found["total"], found["results"][0]["cost"]) == (None, None, None)


@pytest.mark.parametrize("odd", ["month=2026-13", "by=person", "page=0", "page_size=501"])
def test_a_bill_that_there_is_none_of_is_refused(odd: str) -> None:
    assert client_of(approver()).get(f"{API}/usage/chargeback/?{odd}").status_code == 400


def test_the_fleet_is_listed_with_the_broken_one_first(payments: TenantNamespace) -> None:
    broken = ClusterFactory(
        reachable=False, message="gone", checked_at=NOW, labels={"region": "eu"}
    )

    found = client_of(approver()).get(f"{API}/fleet/").json()
    eu = client_of(approver()).get(f"{API}/fleet/?q=region=eu&state=broken").json()
    one = client_of(approver()).get(f"{API}/fleet/{broken.name}/").json()

    assert [line["name"] for line in found["results"]] == [broken.name, payments.cluster.name]
    assert (found["standings"]["broken"], found["coverage"]["of"]) == (1, 2)
    assert [line["name"] for line in eu["results"]] == [broken.name]
    assert one["why"] == "Away: gone"


@pytest.mark.parametrize("path", ["fleet/", "fleet/{}/"])
def test_to_others_there_is_no_fleet(payments: TenantNamespace, path: str) -> None:
    for person in (owner_of(payments.team), PersonFactory()):
        answer = client_of(person).get(f"{API}/{path.format(payments.cluster.name)}")
        assert answer.status_code == 404


def test_a_fleet_costs_the_same_questions_however_large_it_is(
    payments: TenantNamespace, django_assert_num_queries: Any
) -> None:
    client = client_of(approver())
    with django_assert_num_queries(7):
        client.get(f"{API}/fleet/")
    for _ in range(20):
        NamespaceFactory()
    with django_assert_num_queries(7):
        client.get(f"{API}/fleet/")
