"""Which runs of schedules did not come, day by day: before the next run makes their cluster forget it."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.db import transaction

from controlplane.argo import crons
from controlplane.index.kinds import CRON
from controlplane.index.models import Cron, Watch

from . import sums
from .models import MissedRuns
from .usage import BATCH, DAYS_KEPT, delete_in_batches

Key = tuple[int, str, datetime]


def remember(now: datetime) -> None:
    """Write down what did not come until now, where a watch follows the cluster.

    Of another, nobody knows whether a run came: that a clock says it should have is no fact.
    """
    late = Watch.objects.late(now).filter(kind=CRON.name).values("cluster")
    followed = Watch.objects.filter(kind=CRON.name).exclude(cluster__in=late).values("cluster")
    rows = Cron.objects.filter(namespace__cluster__in=followed).order_by("pk")
    found = _missed(rows.values_list("namespace", "name", "manifest").iterator(), now)
    rest = iter(sorted(found.items()))
    while some := dict(islice(rest, BATCH)):
        _keep(some)


def forget(now: datetime) -> None:
    """Remove what is older than a day is kept for."""
    delete_in_batches(MissedRuns, MissedRuns.objects.filter(at__lt=now - DAYS_KEPT))


def _missed(rows: Iterator[tuple[int, str, object]], now: datetime) -> dict[Key, list[datetime]]:
    found: dict[Key, list[datetime]] = defaultdict(list)
    for namespace, name, manifest in rows:
        for run in crons.missed(manifest if isinstance(manifest, dict) else {}, now):
            found[namespace, name, sums.day_of(run)].append(run)
    return found


@transaction.atomic
def _keep(runs: dict[Key, list[datetime]]) -> None:
    """Each run once: those later than the last that is counted of its day."""
    near = MissedRuns.objects.filter(
        namespace__in={place for place, _, _ in runs}, at__in={at for _, _, at in runs}
    )
    before = {(row.namespace_id, row.cron, row.at): row for row in near}
    MissedRuns.objects.bulk_create(
        [_row(key, missed, before.get(key)) for key, missed in runs.items()],
        update_conflicts=True,
        unique_fields=["at", "namespace", "cron"],
        update_fields=["runs", "last"],
    )


def _row(key: Key, missed: list[datetime], before: MissedRuns | None) -> MissedRuns:
    place, cron, at = key
    new = [run for run in missed if before is None or run > before.last]
    counted = before.runs if before else 0
    return MissedRuns(
        namespace_id=place, cron=cron, at=at, runs=counted + len(new), last=max(missed)
    )
