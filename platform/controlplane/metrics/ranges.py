"""Which stretch of time a person asks for, and how finely it is known: pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FINE = timedelta(days=8)  # longer than that is shown by days
HOURS_REACH = timedelta(days=14)  # of which hours are kept
DAYS_REACH = timedelta(days=100)


class Window(StrEnum):
    """The ranges that are one click away."""

    A_DAY = "24h"
    A_WEEK = "7d"
    A_MONTH = "30d"
    A_QUARTER = "90d"


WORDS = {
    Window.A_DAY: "24 hours",
    Window.A_WEEK: "7 days",
    Window.A_MONTH: "30 days",
    Window.A_QUARTER: "90 days",
}
LENGTHS = {
    Window.A_DAY: DAY,
    Window.A_WEEK: 7 * DAY,
    Window.A_MONTH: 30 * DAY,
    Window.A_QUARTER: 90 * DAY,
}


@dataclass(frozen=True)
class Range:
    """From a moment up to another, in steps: each begins at a full hour or day, in UTC."""

    first: datetime
    end: datetime  # not within it
    step: timedelta
    window: Window | None = None  # None: between two days that somebody named

    @property
    def by_hour(self) -> bool:
        return self.step == HOUR

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day of it."""
        return self.first.date(), (self.end - timedelta(microseconds=1)).date()

    def steps(self) -> list[datetime]:
        """When each step begins."""
        count = -(-(self.end - self.first) // self.step)
        return [self.first + n * self.step for n in range(count)]


def asked(
    *, window: str = "", first: date | None = None, last: date | None = None, now: datetime
) -> Range:
    """The range of a window, or of two days that are named; what is no range is the last day.

    Days win: they are what a shared link names. They end today, and begin where rows begin.
    """
    if first or last:
        return _between(first, last, now)
    chosen = Window(window) if window in set(Window) else Window.A_DAY
    length = LENGTHS[chosen]
    step = HOUR if length <= FINE else DAY
    end = _begin(now, step) + step
    return Range(end - length, end, step, chosen)


def _between(first: date | None, last: date | None, now: datetime) -> Range:
    today = now.astimezone(UTC).date()
    oldest = today - DAYS_REACH
    end = min(max(last or today, oldest), today)
    begin = min(max(first or end, oldest), end)
    whole = Range(_midnight(begin), min(_midnight(end) + DAY, _begin(now, HOUR) + HOUR), HOUR)
    fine = whole.end - whole.first <= FINE and whole.first >= now - HOURS_REACH
    return whole if fine else Range(whole.first, _midnight(end) + DAY, DAY)


def _begin(now: datetime, step: timedelta) -> datetime:
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if step == HOUR else hour.replace(hour=0)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def day_of(said: str) -> date | None:
    """The day that `2026-03-10` names; None for what is none."""
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        return None


def month_of(said: str, now: datetime) -> datetime:
    """When the month began that `2026-03` names; this one for what is none, or is still to come."""
    this = _begin(now, DAY).replace(day=1)
    day = day_of(f"{said}-01")
    found = this if day is None else this.replace(year=day.year, month=day.month)
    return min(found, this)
