"""Which sums a workflow that ended belongs to, and by how much they grow: pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# A team's own controller writes what its workflows used, and when they ended. A sum in which anything may
# be written would end in a number that no database adds up: this is 100,000 cores for a day.
MOST_A_SUM = 10**13
MOST_TEMPLATES = 50  # a namespace a day, by name; a pipeline may make a new one each run
OTHERS = "(others)"  # no template can be called so
LATE = timedelta(days=8)  # what ended longer ago was not seen to end: it counts as of now


@dataclass(frozen=True)
class Sum:
    """What one row adds up."""

    workflows: int = 0
    failed: int = 0
    unseen: int = 0
    cpu_seconds: int = 0
    memory_mib_seconds: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(
            self.workflows + other.workflows,
            self.failed + other.failed,
            self.unseen + other.unseen,
            min(self.cpu_seconds + other.cpu_seconds, MOST_A_SUM),
            min(self.memory_mib_seconds + other.memory_mib_seconds, MOST_A_SUM),
        )


def growth(
    *, cpu: int, memory: int, before: tuple[int, int] | None, failed: bool, seen: bool
) -> Sum | None:
    """What a workflow adds, of which `before` is counted already; None where that is nothing.

    One that is retried ends twice, and says then what it used in all.
    """
    counted_cpu, counted_memory = before or (0, 0)
    more_cpu, more_memory = max(0, cpu - counted_cpu), max(0, memory - counted_memory)
    if before is not None:
        if not more_cpu and not more_memory:
            return None
        return Sum(cpu_seconds=more_cpu, memory_mib_seconds=more_memory)
    return Sum(1, int(failed), int(not seen), more_cpu, more_memory)


def moment_of(finished_at: datetime | None, created_at: datetime, now: datetime) -> datetime:
    """When it counts: when it ended, unless nobody can believe that."""
    if finished_at is None or not created_at <= finished_at <= now or finished_at < now - LATE:
        return now
    return finished_at


def hour_of(moment: datetime) -> datetime:
    """When its hour began."""
    return moment.replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """When its day began, in UTC."""
    return hour_of(moment).replace(hour=0)


def month_of(moment: datetime) -> datetime:
    """When its month began, in UTC."""
    return day_of(moment).replace(day=1)


def named(template: str, known: Iterable[str]) -> str:
    """Under which name it is added up, where these have a row already."""
    there = set(known)
    return template if template in there or len(there) < MOST_TEMPLATES else OTHERS
