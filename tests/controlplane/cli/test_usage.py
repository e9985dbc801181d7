"""`argosy usage` against a platform that answers over HTTP."""

import json
import re
from functools import partial

import pytest
from django.utils import timezone

from controlplane.index import services as index
from controlplane.index.kinds import WORKFLOW
from controlplane.metrics import prices, quota_history
from controlplane.metrics.models import Price
from tenants.models import TenantNamespace
from tests.controlplane.cli import runner
from tests.controlplane.metrics.usage.conftest import ended, watched
from tests.factories import NamespaceFactory, TeamFactory, approver, owner_of

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("home"),
]

run = partial(runner.run, COLUMNS="200")  # wide enough for every column


@pytest.fixture
def payments() -> TenantNamespace:
    now = timezone.now()
    namespace = NamespaceFactory(name="payments", team=TeamFactory(slug="payments"), begun_at=now)
    watched(namespace.cluster, heard_at=now)
    quota_history.remember(now)
    entry = ended(created_at=now, finished_at=now)
    index.put(namespace.cluster, WORKFLOW, [entry], now=now)
    return namespace


def test_a_teams_usage_is_a_table_with_how_much_of_it_is_known(payments: TenantNamespace) -> None:
    person = owner_of(payments.team)

    table = run("usage", "show", "payments", user=person)
    found = json.loads(
        run("usage", "show", "payments", "--range", "7d", "--json", user=person).output
    )

    assert table.exit_code == 0, table.output
    # However wide the terminal is, and where its heads break.
    assert {"core", "hours"} <= set(table.output.split())
    assert "1 of 1 cluster" in table.output
    assert found["used"][-1]["cpu_seconds"] == 7200


def test_on_a_narrow_terminal_it_says_when_each_line_is_and_leaves_out_what_nobody_saw(
    payments: TenantNamespace,
) -> None:
    said = runner.run(
        "usage", "show", "payments", "--range", "7d", user=owner_of(payments.team), COLUMNS="80"
    ).output

    assert f"{timezone.now():%m-%d} " in said
    assert "…" not in said
    assert "Nobody looked before" in said
    assert len(re.findall(r"^│ \d\d-\d\d \d\d:\d\d", said, re.MULTILINE)) == 1


def test_a_bill_says_that_no_price_is_set_and_then_what_it_costs(payments: TenantNamespace) -> None:
    person = owner_of(payments.team)
    without = run("usage", "chargeback", user=person)
    today = timezone.now().date()
    prices.put(Price(since=today.replace(day=1), cpu_hour=1, shared_month=5), today=today)

    found = run("usage", "chargeback", "--by", "template", user=person)

    assert "No price is set" in without.output
    assert "settle" in found.output
    assert "usage 2.00, shared cost of the platform 5.00, together 7.00 EUR" in found.output


def test_the_fleet_is_the_platforms(payments: TenantNamespace) -> None:
    shown = run("usage", "fleet", user=approver())
    refused = run("usage", "fleet", user=owner_of(payments.team))

    assert payments.cluster.name in shown.output
    assert refused.exit_code == 1


def test_another_teams_usage_is_not_there(payments: TenantNamespace) -> None:
    stranger = owner_of(TeamFactory())

    for words in (("show", "payments"), ("chargeback", "--team", "payments")):
        assert run("usage", *words, user=stranger).exit_code == 1
