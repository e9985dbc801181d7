"""What usage costs: amounts times prices, the platform's own cost as a line of its own. Pure.

Each line is rounded once, to hundredths, and the total is the sum of what is shown: a bill adds up.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from operator import attrgetter
from typing import NamedTuple

SECONDS = 3600
MIB = 1024
CENT = Decimal("0.01")
NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class Rates:
    """What one of each costs."""

    currency: str
    cpu_hour: Decimal
    memory_gib_hour: Decimal
    workflow: Decimal
    shared_month: Decimal


class Line(NamedTuple):
    """What one team, namespace or template used, and what that costs. No rates: it has no cost.

    A tuple, for a bill has ten thousand of them, and is made for each look at it.
    """

    names: tuple[str, ...]
    workflows: int
    cpu_seconds: int
    memory_mib_seconds: int
    cost: Decimal | None = None
    share: Decimal | None = None  # of the shared cost

    @property
    def cpu_hours(self) -> Decimal:
        return hours(self.cpu_seconds)

    @property
    def memory_gib_hours(self) -> Decimal:
        return hours(self.memory_mib_seconds) / MIB


@dataclass(frozen=True)
class Bill:
    """All lines, the dearest first. `shared` is what of the platform's own cost falls to them."""

    lines: Sequence[Line]
    rates: Rates | None
    used: Decimal = NOTHING
    shared: Decimal = NOTHING
    workflows: int = field(default=0)

    @property
    def total(self) -> Decimal:
        return self.used + self.shared


def bill(lines: Iterable[Line], rates: Rates | None, *, everybody: Decimal | None = None) -> Bill:
    """Price these lines. `everybody` is what all teams used, in money: None where these are all of them.

    The shared cost falls to each as it used; where nobody used anything, to nobody.
    """
    found = list(lines)
    workflows = sum(line.workflows for line in found)
    if rates is None:
        return Bill(_in_order(found), None, workflows=workflows)
    costs = [cost(line, rates) for line in found]
    used = sum(costs, NOTHING)
    whole = used if everybody is None else max(everybody, used)
    shared = _cents(rates.shared_month * used / whole) if whole else NOTHING
    if not whole and everybody is None:
        shared = _cents(rates.shared_month)
    shares = _shares(costs, used, shared)
    priced = [Line(*of[:4], *money) for of, *money in zip(found, costs, shares, strict=True)]
    return Bill(_in_order(priced), rates, used, shared, workflows)


def cost(line: Line, rates: Rates) -> Decimal:
    """What one line costs, in hundredths."""
    cpu = line.cpu_seconds * rates.cpu_hour / SECONDS
    memory = line.memory_mib_seconds * rates.memory_gib_hour / (SECONDS * MIB)
    return _cents(cpu + memory + line.workflows * rates.workflow)


def hours(seconds: int) -> Decimal:
    """Seconds as hours."""
    return Decimal(seconds) / SECONDS


def _shares(costs: Iterable[Decimal], used: Decimal, shared: Decimal) -> Iterator[Decimal]:
    """Each line's part of the shared cost: rounded from what is left over, so that they add up to it."""
    left, rest = shared, used
    for amount in costs:
        part = _cents(left * amount / rest) if rest else NOTHING
        left, rest = left - part, rest - amount
        yield part


def _in_order(lines: Iterable[Line]) -> list[Line]:
    """The dearest first, then who used most, then by name: sorted by the last of these first."""
    found = sorted(lines, key=attrgetter("names"))
    found.sort(key=attrgetter("cpu_seconds"), reverse=True)
    found.sort(key=lambda line: line.cost or NOTHING, reverse=True)
    return found


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
