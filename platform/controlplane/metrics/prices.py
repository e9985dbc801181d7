"""What things cost from when on: the only writer of prices.

A price holds for whole months, so that a month has one; and a month that is over keeps the price it was
billed by.
"""

from datetime import date, datetime

from django.db import transaction

from controlplane.errors import DomainError

from .chargeback import Rates
from .models import Price


class PriceRefused(DomainError):
    """A price that cannot be; the sentence says which would do."""

    code = "price_refused"

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def put(price: Price, *, today: date) -> Price:
    """Keep a price, new or edited. Raises PriceRefused, ValidationError."""
    before = Price.objects.filter(pk=price.pk).first() if price.pk else None
    if problem := problem_with(
        price.since, before.since if before else None, _others(price), today
    ):
        raise PriceRefused(problem, field="since")
    price.full_clean()
    price.save()
    return price


@transaction.atomic
def remove(price: Price, *, today: date) -> None:
    """Take a price away before anything was billed by it. Raises PriceRefused."""
    if is_over(price.since, today):
        raise PriceRefused(_over(price.since))
    price.delete()


def problem_with(since: date, before: date | None, others: list[date], today: date) -> str:
    """Why a price cannot hold from then on; '' if it can. `before`: from when on it held so far."""
    if since.day != 1:
        return f"A price holds for whole months: begin on {since.replace(day=1):%-d %B %Y}."
    if before is not None and is_over(before, today):
        return _over(before)
    earlier = [other for other in others if other <= since]
    if is_over(since, today) and (before is not None or earlier):
        return _over(since)
    return ""


def is_over(since: date, today: date) -> bool:
    """Whether a month that began then is over."""
    return (since.year, since.month) < (today.year, today.month)


def rates_of(month: datetime) -> Rates | None:
    """The prices of one month; None where none were set by then."""
    price = Price.objects.filter(since__lte=month.date()).first()
    if price is None:
        return None
    return Rates(
        currency=price.currency,
        cpu_hour=price.cpu_hour,
        memory_gib_hour=price.memory_gib_hour,
        workflow=price.workflow,
        shared_month=price.shared_month,
    )


def _others(price: Price) -> list[date]:
    return list(Price.objects.exclude(pk=price.pk).values_list("since", flat=True))


def _over(since: date) -> str:
    return (
        f"{since:%B %Y} is over, and was billed by the prices it had. Add a price that begins with this "
        "month, or a later one."
    )
