"""A team's usage and its cost: its own numbers, how old they are, and nothing of another team."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.index.models import Cron, QuotaUse, Watch
from controlplane.metrics import missed, prices, quota_history
from controlplane.metrics.models import Price
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import read, signed_in, words
from tests.controlplane.metrics.usage.conftest import NOW, ended, told, watched
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db

USAGE = "/usage/?team=payments"
FORMULA = "=HYPERLINK(1)"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def payments() -> TenantNamespace:
    """A namespace whose quota is half used, and in which workflows ended."""
    team = TeamFactory(slug="payments", name="Payments")
    made = NOW - timedelta(hours=3)
    namespace = NamespaceFactory(name="payments", team=team, begun_at=made)
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


@pytest.fixture
def owner(payments: TenantNamespace) -> Client:
    return signed_in(owner_of(payments.team))


def priced(**rates: Any) -> None:
    prices.put(Price(since=NOW.date().replace(day=1), **rates), today=NOW.date())


def rows_of(page: str, title: str) -> list[str]:
    """The rows of a chart's table, as words; the last one last."""
    table = page.split(f"{title} as a table", 1)[1].split("</table>", 1)[0]
    return [words(row) for row in table.split("<tr>")[2:]]


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_everybody_of_a_team_sees_what_it_uses(payments: TenantNamespace, who: Who) -> None:
    page = read(signed_in(who(payments.team)), USAGE)

    assert "Usage of Payments" in page
    assert "1 of 1 cluster" in page


def test_what_is_reserved_and_what_was_used_stand_apart(owner: Client) -> None:
    page = owner.get(USAGE).content.decode()

    promised = Cluster.objects.get().namespaces.get().tier.quota["requests.cpu"]
    assert rows_of(page, "CPU reserved, of the quota")[-1] == f"10 Mar 12:00 {promised} 8 3.25"
    assert rows_of(page, "Memory reserved, of the quota")[-1].endswith("32 2.5")
    assert rows_of(page, "CPU used by workflows")[-1] == "10 Mar 12:00 2"
    assert rows_of(page, "Workflows that ended")[-1] == "10 Mar 12:00 1 0"


def test_an_hour_that_nobody_looked_at_has_no_number_and_one_without_workflows_a_zero(
    owner: Client,
) -> None:
    page = owner.get(USAGE).content.decode()

    reserved, used = (
        rows_of(page, t) for t in ("CPU reserved, of the quota", "CPU used by workflows")
    )
    assert reserved[-2].endswith("– – –")
    assert used[0] == "10 Mar 09:00 0"  # the hour in which it was made


def test_a_chart_is_its_table(owner: Client) -> None:
    page = owner.get(USAGE).content.decode()

    assert page.count("data-chart=") == page.count("<details open data-table>") == 5
    assert 'data-v="3.25"' in page
    assert "Reserved: 3.25 cores last" in page
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert " style=" not in page


def test_clusters_that_fell_silent_are_counted_and_named_by_their_time(owner: Client) -> None:
    Watch.objects.update(heard_at=NOW - timedelta(hours=2))

    page = read(owner, USAGE)

    assert "0 of 1 cluster, 1 stale since 10:30" in page
    assert "What is missing below is not zero" in page


def test_a_cluster_that_was_never_followed_is_said_to_be_so(owner: Client) -> None:
    Watch.objects.all().delete()

    assert "0 of 1 cluster, 1 never seen" in read(owner, USAGE)


def test_the_templates_that_used_most_are_named(owner: Client) -> None:
    assert "settle 1 2.0 1.0" in read(owner, USAGE)


def test_schedules_that_missed_runs_are_named(owner: Client, payments: TenantNamespace) -> None:
    manifest = {
        "spec": {"schedules": ["0 * * * *"]},
        "status": {"lastScheduledTime": (NOW - timedelta(hours=3)).isoformat()},
    }
    Cron.objects.create(namespace=payments, uid="u", name="nightly", manifest=manifest)
    missed.remember(NOW)

    assert f"nightly payments on {payments.cluster.name} 3 30 min ago" in read(owner, USAGE)


@pytest.mark.parametrize("window", ["24h", "7d", "30d", "90d"])
def test_each_window_is_one_click_and_is_marked(owner: Client, window: str) -> None:
    page = owner.get(f"{USAGE}&range={window}").content.decode()

    assert page.count('aria-current="true"') >= 1
    assert re.search(rf'range={window}" aria-current="true"', page)


def test_a_shared_link_names_the_days(owner: Client) -> None:
    page = owner.get(f"{USAGE}&range=7d").content.decode()
    link = re.search(r"/usage/\?(team=payments[^<]*)</pre>", page)

    assert link
    assert link[1].replace("&amp;", "&") == "team=payments&from=2026-03-03&to=2026-03-10"
    assert "3 Mar to 10 Mar 2026" in read(owner, f"/usage/?{link[1].replace('&amp;', '&')}")


@pytest.mark.parametrize(
    "odd",
    [
        "range=9y",
        "from=x&to=y",
        "from=9999-12-31",
        "to=0001-01-01",
        "from=2026-03-09&to=2026-03-01",
        "namespace=%00&cluster=%27%22%7B",
    ],
)
def test_what_is_no_range_is_no_error(owner: Client, odd: str) -> None:
    assert owner.get(f"{USAGE}&{odd}").status_code == 200
    assert owner.get(f"/usage/csv/?team=payments&{odd}").status_code == 200


def test_without_a_team_in_the_address_it_is_the_persons_first(owner: Client) -> None:
    answer = owner.get("/usage/?range=7d")

    assert answer.status_code == 302
    assert answer["Location"] == "/usage/?range=7d&team=payments"


def test_who_is_in_no_team_is_told_so() -> None:
    assert "You are in no team yet" in read(signed_in(PersonFactory()), "/usage/")


@pytest.mark.parametrize("path", ["/usage/", "/usage/csv/", "/chargeback/", "/chargeback/csv/"])
def test_another_teams_usage_is_not_there(payments: TenantNamespace, path: str) -> None:
    stranger = signed_in(owner_of(TeamFactory(slug="ledger")))

    assert stranger.get(f"{path}?team=payments").status_code == 404


def test_a_namespace_of_another_team_adds_nothing_to_ones_own(owner: Client) -> None:
    other = NamespaceFactory(name="ledger", begun_at=NOW)
    told(other, ended("b", namespace="ledger"))

    page = owner.get(f"{USAGE}&namespace=ledger").content.decode()

    assert "Nothing is known of this stretch of time" in page


@pytest.mark.parametrize("who", [approver, platform_admin])
def test_the_platform_sees_every_teams_usage(payments: TenantNamespace, who: Who) -> None:
    assert "Usage of Payments" in read(signed_in(who()), USAGE)


def test_the_page_asks_the_same_questions_however_much_there_is(
    owner: Client, payments: TenantNamespace, django_assert_num_queries: Any
) -> None:
    owner.get(USAGE)
    with django_assert_num_queries(16):
        owner.get(USAGE)
    for n in range(12):
        more = NamespaceFactory(team=payments.team, begun_at=NOW)
        told(more, ended(f"w{n}", namespace=more.name, template=f"t{n}"))
    quota_history.remember(NOW)
    with django_assert_num_queries(16):
        owner.get(USAGE)


def test_the_numbers_of_the_charts_are_a_csv(owner: Client) -> None:
    held, used = (
        list(
            csv.DictReader(
                io.StringIO(body(owner.get("/usage/csv/", {"team": "payments", "what": w})))
            )
        )
        for w in ("quota", "used")
    )

    assert len(held) == 24
    assert (held[-1]["CPU used, cores"], held[-1]["namespaces seen"]) == ("3.25", "1")
    assert held[0]["CPU used, cores"] == ""
    assert (used[-1]["cpu hours"], used[-1]["workflows"]) == ("2.000", "1")


# Chargeback.


def test_without_prices_there_is_usage_and_the_page_says_why_there_is_no_cost(
    owner: Client,
) -> None:
    page = read(owner, "/chargeback/")

    assert "Prices are not set for March 2026" in page
    assert "payments 1 2.0 1.0" in page
    assert "Cost" not in page


def test_a_team_sees_its_cost_and_its_part_of_what_is_shared(
    owner: Client, payments: TenantNamespace
) -> None:
    other = NamespaceFactory(name="ledger", team=TeamFactory(slug="ledger"), begun_at=NOW)
    told(other, ended("b", namespace="ledger", cpu_seconds=21_600))
    priced(cpu_hour=Decimal("0.5"), shared_month=Decimal(100))

    page = read(owner, "/chargeback/")

    assert "payments 1 2.0 1.0 1.00 25.00" in page
    assert "Shared cost of the platform 25.00" in page
    assert "Total, EUR 26.00" in page
    assert "ledger" not in page


def test_the_platform_sees_everybodys_bill_with_the_whole_shared_cost(
    payments: TenantNamespace,
) -> None:
    priced(cpu_hour=1, shared_month=100)

    page = read(signed_in(platform_admin()), "/chargeback/")

    assert "every team" in page
    assert "Shared cost of the platform 100.00" in page
    assert "Prices" in page


@pytest.mark.parametrize(
    ("by", "line"),
    [("namespace", "payments {} payments"), ("template", "payments {} payments settle")],
)
def test_a_bill_is_made_out_by_what_is_chosen(
    owner: Client, payments: TenantNamespace, by: str, line: str
) -> None:
    page = read(owner, "/chargeback/", by=by)

    assert f"{line.format(payments.cluster.name)} 1 2.0 1.0" in page


def test_a_month_in_which_nothing_ended_says_so(owner: Client) -> None:
    assert "ended in January 2026" in read(owner, "/chargeback/", month="2026-01")


@pytest.mark.parametrize("month", ["2026-13", "9999-01", "x", "2026-1", "-1"])
def test_a_month_that_is_none_is_this_one(owner: Client, month: str) -> None:
    assert "March 2026, so far" in read(owner, "/chargeback/", month=month)


def test_what_a_team_calls_its_templates_is_no_formula_in_a_spreadsheet(
    owner: Client, payments: TenantNamespace
) -> None:
    told(payments, ended("evil", template=FORMULA))
    priced(cpu_hour=1)

    sent = body(owner.get("/chargeback/csv/?by=template"))

    assert f"'{FORMULA}" in sent
    assert f",{FORMULA}" not in sent


def test_the_csv_is_the_whole_bill_with_the_shared_cost_as_its_last_line(owner: Client) -> None:
    priced(cpu_hour=1, shared_month=10)

    lines = list(csv.reader(io.StringIO(body(owner.get("/chargeback/csv/")))))

    assert lines[1] == ["payments", "1", "2.000", "1.000", "2.00", "10.00", "EUR"]
    assert lines[-1][0] == "(shared cost of the platform)"
    assert lines[-1][4] == "10.00"


def test_a_bill_asks_the_same_questions_however_long_it_is(
    owner: Client, payments: TenantNamespace, django_assert_num_queries: Any
) -> None:
    priced(cpu_hour=1, shared_month=10)
    owner.get("/chargeback/")
    with django_assert_num_queries(9):
        owner.get("/chargeback/?by=template")
    told(payments, *(ended(f"w{n}", template=f"t{n}") for n in range(30)))
    with django_assert_num_queries(9):
        owner.get("/chargeback/?by=template")


# The price table.


def test_an_admin_sets_a_price_at_the_desk_and_its_history_is_kept() -> None:
    admin = signed_in(platform_admin())
    form = {
        "since": "2026-03-01",
        "currency": "EUR",
        "cpu_hour": "0.04",
        "memory_gib_hour": "0.005",
        "workflow": "0",
        "shared_month": "100",
        "note": "first",
    }

    assert admin.post("/admin/metrics/price/add/", form).status_code == 302
    price = Price.objects.get()
    assert (
        admin.post(
            f"/admin/metrics/price/{price.pk}/change/", {**form, "cpu_hour": "0.05"}
        ).status_code
        == 302
    )
    assert [each.cpu_hour for each in price.history.order_by("history_id")] == [
        Decimal("0.04"),
        Decimal("0.05"),
    ]
    wrong = admin.post("/admin/metrics/price/add/", {**form, "since": "2026-03-02"})
    assert "begin on 1 March 2026" in words(wrong.content.decode())


@pytest.mark.parametrize("who", [PersonFactory, approver])
def test_nobody_else_changes_prices(who: Any) -> None:
    person: User = who()

    assert signed_in(person).post("/admin/metrics/price/add/", {}).status_code in {302, 403}
    assert not Price.objects.exists()


def body(answer: Any) -> str:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()
