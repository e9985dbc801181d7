"""Adding up what workflows used, before their cluster forgets them: each once, however often it is told.

The index calls this within its own transaction and its own turn on the cluster (`index.services`), so no
two add to one namespace's rows at once.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, Model, OuterRef

from controlplane.index.models import Workflow
from controlplane.index.signals import Ended

from . import sums
from .models import CountedWorkflow, UsageDay, UsageHour, UsageMonth
from .sums import Sum

HOURS_KEPT = timedelta(days=14)
DAYS_KEPT = timedelta(days=100)
MONTHS_KEPT = timedelta(days=5 * 366)
COUNTED_KEPT = timedelta(days=30)  # longer than any cluster is away without being registered anew
FAILED = frozenset({"Failed", "Error"})
FIELDS = ("workflows", "failed", "unseen", "cpu_seconds", "memory_mib_seconds")
BATCH = 500

Key = tuple[int, datetime, str]  # namespace, when, template


def count(ended: Sequence[Ended], *, now: datetime) -> None:
    """Add what is new of these to the sums of their hour, day and month."""
    last = {(each.namespace_id, each.uid): each for each in ended}
    growths = _growths(last, now)
    if not growths:
        return
    by_hour, by_day, by_month = (defaultdict[Key, Sum](Sum) for _ in range(3))
    for key, more in growths.items():
        each = last[key]
        at = sums.moment_of(each.finished_at, each.created_at, now)
        place = each.namespace_id
        by_hour[place, sums.hour_of(at), ""] += more
        by_day[place, sums.day_of(at), each.template] += more
        by_month[place, sums.month_of(at), each.template] += more
    _add(UsageHour, by_hour, unique=("at", "namespace"))
    _add(UsageDay, by_day, unique=("at", "namespace", "template"))
    _add(UsageMonth, by_month, unique=("at", "namespace", "template"))


def forget(now: datetime) -> None:
    """Remove what is older than each grain is kept for, a batch at a time."""
    _prune(UsageHour, now - HOURS_KEPT)
    _prune(UsageDay, now - DAYS_KEPT)
    _prune(UsageMonth, now - MONTHS_KEPT)
    there = Workflow.objects.filter(uid=OuterRef("uid"), namespace=OuterRef("namespace"))
    # What a cluster still has it may tell of again: that stays counted.
    old = CountedWorkflow.objects.filter(~Exists(there), counted_at__lt=now - COUNTED_KEPT)
    delete_in_batches(CountedWorkflow, old)


def delete_in_batches(model: Any, rows: Any) -> None:
    """Delete these without holding the one write lock of SQLite for long; they are looked for once."""
    doomed = list(rows.order_by().values_list("pk", flat=True))
    for first in range(0, len(doomed), BATCH):
        model.objects.filter(pk__in=doomed[first : first + BATCH]).delete()


def _prune(model: Any, before: datetime) -> None:
    delete_in_batches(model, model.objects.filter(at__lt=before))


def _growths(last: dict[tuple[int, str], Ended], now: datetime) -> dict[tuple[int, str], Sum]:
    """What each adds, of those that add something; and that it is counted now."""
    known = {
        (row.namespace_id, row.uid): row
        for row in CountedWorkflow.objects.filter(
            uid__in={uid for _, uid in last}, namespace__in={place for place, _ in last}
        )
    }
    found: dict[tuple[int, str], Sum] = {}
    counted: list[CountedWorkflow] = []
    for key, each in last.items():
        row = known.get(key)
        cpu = min(each.cpu_seconds, sums.MOST_A_SUM)
        memory = min(each.memory_mib_seconds, sums.MOST_A_SUM)
        more = sums.growth(
            cpu=cpu,
            memory=memory,
            before=(row.cpu_seconds, row.memory_mib_seconds) if row else None,
            failed=each.phase in FAILED,
            seen=each.seen,
        )
        if more is not None:
            found[key] = more
            counted.append(_counted(key, (cpu, memory), row, now))
    CountedWorkflow.objects.bulk_create(
        counted,
        update_conflicts=True,
        unique_fields=["uid", "namespace"],
        update_fields=["cpu_seconds", "memory_mib_seconds", "counted_at"],
    )
    return found


def _counted(
    key: tuple[int, str], used: tuple[int, int], row: CountedWorkflow | None, now: datetime
) -> CountedWorkflow:
    """What is in the sums from now on: never less than before."""
    before = (row.cpu_seconds, row.memory_mib_seconds) if row else (0, 0)
    cpu, memory = (max(pair) for pair in zip(used, before, strict=True))
    return CountedWorkflow(
        namespace_id=key[0], uid=key[1], cpu_seconds=cpu, memory_mib_seconds=memory, counted_at=now
    )


def _add(model: Any, more: dict[Key, Sum], *, unique: tuple[str, ...]) -> None:
    """Add to these rows, making those that are not there."""
    near = model.objects.filter(
        namespace__in={place for place, _, _ in more}, at__in={at for _, at, _ in more}
    )
    there: dict[Key, Sum] = {}
    names: dict[tuple[int, datetime], set[str]] = defaultdict(set)
    for row in near:
        there[row.namespace_id, row.at, row.template] = Sum(*(getattr(row, f) for f in FIELDS))
        names[row.namespace_id, row.at].add(row.template)
    added: dict[Key, Sum] = {}
    for (place, at, template), each in more.items():
        name = sums.named(template, names[place, at])
        names[place, at].add(name)
        key = (place, at, name)
        added[key] = added.get(key, there.get(key, Sum())) + each
    model.objects.bulk_create(
        [_row(model, key, each) for key, each in added.items()],
        update_conflicts=True,
        unique_fields=list(unique),
        update_fields=list(FIELDS),
    )


def _row(model: Any, key: Key, each: Sum) -> Model:
    place, at, template = key
    told = {"template": template} if model is not UsageHour else {}
    row: Model = model(namespace_id=place, at=at, **told, **vars(each))
    return row
