"""A bill adds up to the hundredth, says what is shared, and keeps the price its month had."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from controlplane.metrics import prices, reading
from controlplane.metrics.chargeback import Bill, Line, Rates, bill
from controlplane.metrics.models import Price, UsageMonth
from controlplane.metrics.prices import PriceRefused, problem_with
from tenants.models import TenantNamespace
from tests.controlplane.metrics.usage.conftest import NOW, ended, told
from tests.factories import NamespaceFactory

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
TODAY = date(2026, 3, 10)
RATES = Rates("EUR", Decimal("0.04"), Decimal("0.005"), Decimal(0), Decimal(100))

amounts = st.integers(min_value=0, max_value=10**13)
lines = st.lists(
    st.builds(
        Line,
        names=st.tuples(st.text(max_size=5)),
        workflows=st.integers(min_value=0, max_value=10**6),
        cpu_seconds=amounts,
        memory_mib_seconds=amounts,
    ),
    max_size=20,
)


def line(name: str, cpu: int = 0, memory: int = 0, workflows: int = 1) -> Line:
    return Line((name,), workflows, cpu, memory)


def test_a_core_for_an_hour_and_a_gib_for_an_hour_cost_what_the_table_says() -> None:
    made = bill([line("a", cpu=3600 * 100), line("b", memory=1024 * 3600 * 100)], RATES)

    assert [each.cost for each in made.lines] == [Decimal("4.00"), Decimal("0.50")]


def test_the_shared_cost_falls_to_each_as_it_used_and_is_its_own_line() -> None:
    made = bill([line("a", cpu=3600 * 300), line("b", cpu=3600 * 100)], RATES)

    assert [each.share for each in made.lines] == [Decimal("75.00"), Decimal("25.00")]
    assert (made.used, made.shared, made.total) == (16, 100, 116)


def test_one_team_carries_its_part_of_the_shared_cost() -> None:
    made = bill([line("a", cpu=3600 * 100)], RATES, everybody=Decimal(16))

    assert made.shared == Decimal("25.00")


def test_where_nobody_used_anything_the_platform_still_costs() -> None:
    assert bill([], RATES).total == 100
    assert bill([], RATES, everybody=Decimal(0)).total == 0


def test_without_prices_there_is_usage_and_no_cost() -> None:
    made = bill([line("a", cpu=3600)], None)

    assert (made.rates, made.lines[0].cost, made.lines[0].cpu_hours) == (None, None, 1)


@given(lines)
def test_what_is_shown_adds_up(found: list[Line]) -> None:
    made: Bill = bill(found, RATES)

    assert made.used == sum((each.cost or 0 for each in made.lines), Decimal())
    if made.used:
        assert sum((each.share or 0 for each in made.lines), Decimal()) == made.shared == 100


@given(lines)
def test_nobody_is_given_anything_back(found: list[Line]) -> None:
    assert all(
        (each.cost or 0) >= 0 and (each.share or 0) >= 0 for each in bill(found, RATES).lines
    )


# Prices.


@pytest.mark.parametrize(
    ("since", "before", "others", "refused"),
    [
        (date(2026, 3, 1), None, [], False),
        (date(2026, 4, 1), None, [date(2026, 3, 1)], False),
        (date(2026, 3, 2), None, [], True),
        (date(2026, 1, 1), None, [], False),  # nothing was billed: no price was there
        (date(2026, 1, 1), None, [date(2025, 12, 1)], True),
        (date(2026, 3, 1), date(2026, 2, 1), [], True),
        (date(2026, 2, 1), date(2026, 3, 1), [], True),
        (date(2026, 3, 1), date(2026, 3, 1), [], False),
    ],
)
def test_a_month_that_is_over_keeps_the_price_it_was_billed_by(
    since: date, before: date | None, others: list[date], *, refused: bool
) -> None:
    assert bool(problem_with(since, before, others, TODAY)) is refused


@pytest.mark.django_db
def test_a_price_holds_until_the_next() -> None:
    for month, cost in ((1, "1"), (3, "3")):
        prices.put(
            Price(since=date(2026, month, 1), cpu_hour=Decimal(cost)), today=date(2026, 1, 5)
        )

    found = [prices.rates_of(datetime(year, month, 1, tzinfo=UTC)) for year, month in
             ((2025, 12), (2026, 1), (2026, 2), (2026, 3), (2027, 1))]  # fmt: skip
    assert [rates and rates.cpu_hour for rates in found] == [None, 1, 1, 3, 3]


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"currency": "€"}, {"cpu_hour": Decimal(-1)}])
def test_a_price_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        prices.put(Price(since=date(2026, 3, 1), **wrong), today=TODAY)


@pytest.mark.django_db
def test_who_changed_a_price_is_in_its_history() -> None:
    price = prices.put(Price(since=date(2026, 3, 1)), today=TODAY)
    price.cpu_hour = Decimal(2)
    prices.put(price, today=TODAY)

    assert [each.cpu_hour for each in price.history.order_by("history_id")] == [0, 2]


@pytest.mark.django_db
def test_a_price_of_a_month_that_is_over_is_not_removed() -> None:
    price = prices.put(Price(since=date(2026, 1, 1)), today=date(2026, 1, 5))

    with pytest.raises(PriceRefused, match="January 2026 is over"):
        prices.remove(price, today=TODAY)


# Bills of rows.


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("team", ("payments",)),
        ("namespace", ("payments", "c", "payments")),
        ("template", ("payments", "c", "payments", "settle")),
    ],
)
def test_a_bill_is_made_out_to_what_is_asked_for(
    payments: TenantNamespace, by: str, names: tuple[str, ...]
) -> None:
    type(payments.cluster).objects.update(name="c")
    told(payments, ended())

    made = reading.bill(TenantNamespace.objects.all(), month=MARCH, by=by, whole=True)

    assert [(each.names, each.cpu_seconds) for each in made.lines] == [(names, 7200)]


@pytest.mark.parametrize("by", ["namespace", "template"])
def test_a_namespace_that_was_there_twice_by_one_name_is_one_line(
    payments: TenantNamespace, by: str
) -> None:
    before = NamespaceFactory(
        name="payments", team=payments.team, cluster=payments.cluster, deleted_at=NOW
    )
    for each in (payments, before):
        UsageMonth.objects.create(
            namespace=each,
            at=MARCH,
            template="settle",
            workflows=2,
            cpu_seconds=60,
            memory_mib_seconds=7,
        )

    made = reading.bill(TenantNamespace.objects.all(), month=MARCH, by=by, whole=True)

    assert [each[1:4] for each in made.lines] == [(4, 120, 14)]


def test_a_teams_bill_holds_nothing_of_another_but_its_part_of_what_is_shared(
    payments: TenantNamespace,
) -> None:
    other = NamespaceFactory(name="ledger", begun_at=NOW)
    told(payments, ended())
    told(
        other, ended("b", namespace="ledger", cpu_seconds=7200 * 3, memory_mib_seconds=1024 * 10800)
    )
    prices.put(Price(since=TODAY.replace(day=1), cpu_hour=1, shared_month=100), today=TODAY)

    mine = TenantNamespace.objects.filter(pk=payments.pk)
    made = reading.bill(mine, month=MARCH, by="team", whole=False)

    assert [each.names for each in made.lines] == [("payments",)]
    assert (made.used, made.shared) == (2, 25)
