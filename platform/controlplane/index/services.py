"""Keeping what the watches saw: the only writer of the index's rows.

One process watches a cluster, yet for a moment there may be two, when a new release takes over from the old.
So writers of one kind on one cluster take turns (its Watch row is their lock), and a row only moves forward,
by the resourceVersion that etcd gave the object.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import ge, gt
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import Max

from controlplane.clusters.models import Cluster
from tenants.models import TenantNamespace

from .entries import FINISHED, Entry, WorkflowEntry
from .kinds import CRON, QUOTA, WORKFLOW, Kind
from .models import Cron, QuotaUse, Watch, Workflow
from .signals import Ended, workflows_ended

BATCH = 500  # rows a transaction: a few milliseconds of SQLite's one write lock
LONGEST_MESSAGE = 500

Versions = Callable[[int, int], bool]  # may a row of the second version become one of the first
T = TypeVar("T")


@dataclass(frozen=True)
class _Table:
    """Where the entries of a kind are kept, and what there is one row of."""

    rows: models.Manager[Any]
    one: tuple[str, ...]

    def of(self, cluster: Cluster) -> models.QuerySet[Any]:
        return self.rows.filter(namespace__cluster=cluster).order_by()

    def columns(self) -> list[str]:
        """What is written over a row that is there."""
        kept = {"id", *self.one}
        return [f.name for f in self.rows.model._meta.fields if not kept & {f.name, f.attname}]  # noqa: SLF001 - Django's documented way


_TABLES = {
    WORKFLOW.name: _Table(Workflow.objects, ("uid", "namespace_id")),
    CRON.name: _Table(Cron.objects, ("uid", "namespace_id")),
    QUOTA.name: _Table(QuotaUse.objects, ("namespace_id",)),
}


def newest(cluster: Cluster, kind: Kind) -> int:
    """The highest resourceVersion that a row of this kind on this cluster has; 0: there is none."""
    found = _TABLES[kind.name].of(cluster).aggregate(newest=Max("resource_version"))["newest"]
    return int(found or 0)


def put(cluster: Cluster, kind: Kind, entries: Sequence[Entry], *, now: datetime) -> None:
    """Keep these as they are now, but for what is older than its row or in no namespace of ours."""
    for some in _batches(entries):
        _put(cluster, kind, some, now=now, may_replace=gt)


@transaction.atomic
def gone(cluster: Cluster, kind: Kind, entries: Sequence[Entry], *, now: datetime) -> None:
    """Forget these; what was forgotten already is forgotten."""
    _take_turns(cluster, kind)
    for some in _batches(entries):
        # The last word on a workflow: one that is removed as soon as it ends has no other.
        _tell_ended(_ours(cluster, {entry.namespace for entry in some}), some, now=now)
        _TABLES[kind.name].of(cluster).filter(uid__in=[entry.uid for entry in some]).delete()


def replace_all(
    cluster: Cluster,
    kind: Kind,
    entries: Sequence[Entry],
    *,
    resource_version: int,
    now: datetime,
    went_back: bool = False,
) -> None:
    """Make the rows what a whole list of `resource_version` says: those that are not in it go.

    A row that is newer than the list was written by another watch meanwhile, and stays. Unless the
    cluster `went_back`, to a backup or to nothing: then no number of before means anything.
    """
    may_replace: Versions = _always if went_back else ge
    for some in _batches(entries):
        _put(cluster, kind, some, now=now, may_replace=may_replace)
    rows = _TABLES[kind.name].of(cluster)
    listed = {entry.uid for entry in entries}
    old = rows if went_back else rows.filter(resource_version__lte=resource_version)
    unlisted = [pk for pk, uid in old.values_list("pk", "uid").iterator() if uid not in listed]
    for some in _batches(unlisted):
        with transaction.atomic():
            _take_turns(cluster, kind)
            doomed = old.filter(pk__in=some)
            _tell_vanished(kind, doomed, now=now)
            doomed.delete()


@transaction.atomic
def report(
    cluster: Cluster, kind: Kind, *, in_step: bool, message: str = "", now: datetime
) -> None:
    """Keep how the watch is doing. `since` moves only when it falls behind, or is in step again."""
    found, new = Watch.objects.select_for_update().get_or_create(
        cluster=cluster, kind=kind.name, defaults={"in_step": in_step, "since": now}
    )
    if not new and found.in_step != in_step:
        found.in_step, found.since = in_step, now
    if in_step:
        found.heard_at = now
    found.message = message[:LONGEST_MESSAGE]
    found.save()


def heard(cluster: Cluster, kind: Kind, *, now: datetime) -> None:
    """Keep that the watch said something, if only that nothing happened; so it is in step."""
    watched = Watch.objects.filter(cluster=cluster, kind=kind.name)
    # Not in step: another process, which ended while this one had begun, said so last.
    if not watched.filter(in_step=True).update(heard_at=now):
        report(cluster, kind, in_step=True, now=now)


@transaction.atomic
def _put(
    cluster: Cluster, kind: Kind, entries: Sequence[Entry], *, now: datetime, may_replace: Versions
) -> None:
    _take_turns(cluster, kind)
    table = _TABLES[kind.name]
    namespaces = _ours(cluster, {entry.namespace for entry in entries})
    rows: dict[tuple[Any, ...], Any] = {}
    for entry in sorted(entries, key=lambda entry: entry.resource_version):
        if pk := namespaces.get(entry.namespace):
            row = _row(table, entry, pk, now)
            rows[_identity(table, row)] = row
    there = _versions(table, rows)
    written = [
        row
        for identity, row in rows.items()
        if identity not in there or may_replace(row.resource_version, there[identity])
    ]
    table.rows.bulk_create(
        written,
        update_conflicts=True,
        unique_fields=[name.removesuffix("_id") for name in table.one],
        update_fields=table.columns(),
    )
    kept = {row.uid for row in written}
    finished = [e for e in entries if isinstance(e, WorkflowEntry) and e.phase in FINISHED]
    _tell_ended(namespaces, [e for e in finished if e.uid in kept], now=now)


def _tell_ended(namespaces: Mapping[str, int], entries: Sequence[Entry], *, now: datetime) -> None:
    """Announce workflows that use nothing more, as these entries have them."""
    ended = [
        Ended(
            namespace_id=namespaces[entry.namespace],
            uid=entry.uid,
            template=entry.template,
            phase=entry.phase,
            created_at=entry.created_at,
            finished_at=entry.finished_at,
            cpu_seconds=entry.cpu_seconds,
            memory_mib_seconds=entry.memory_mib_seconds,
        )
        for entry in entries
        if isinstance(entry, WorkflowEntry) and entry.namespace in namespaces
    ]
    if ended:
        workflows_ended.send(sender=Workflow, ended=ended, now=now)


def _tell_vanished(kind: Kind, rows: models.QuerySet[Any], *, now: datetime) -> None:
    """Announce those that nobody saw the end of: they were gone when all there is was listed again."""
    if kind.name != WORKFLOW.name:
        return
    vanished = [
        Ended(
            namespace_id=row.namespace_id,
            uid=row.uid,
            template=row.template,
            phase=row.phase,
            created_at=row.created_at,
            finished_at=None,
            cpu_seconds=row.cpu_seconds,
            memory_mib_seconds=row.memory_mib_seconds,
            seen=False,
        )
        for row in rows.exclude(phase__in=FINISHED)
    ]
    if vanished:
        workflows_ended.send(sender=Workflow, ended=vanished, now=now)


def _take_turns(cluster: Cluster, kind: Kind) -> None:
    """Hold off who else writes this kind of this cluster, until the transaction ends."""
    if Watch.objects.select_for_update().filter(cluster=cluster, kind=kind.name).first() is None:
        # Its first news: there is nothing of its own to hold yet.
        Cluster.objects.select_for_update(of=("self",)).filter(pk=cluster.pk).first()


def _ours(cluster: Cluster, names: set[str]) -> dict[str, int]:
    """The namespaces of these names that we made there. Another's of a name we want is not ours."""
    made = TenantNamespace.objects.live().filter(cluster=cluster, name__in=names)
    return dict(made.exclude(begun_at=None).values_list("name", "pk"))


def _row(table: _Table, entry: Entry, namespace_id: int, now: datetime) -> models.Model:
    facts = {key: value for key, value in vars(entry).items() if key != "namespace"}
    if table.rows.model is QuotaUse:
        facts["seen_at"] = now
    row: models.Model = table.rows.model(namespace_id=namespace_id, **facts)
    return row


def _identity(table: _Table, row: models.Model) -> tuple[Any, ...]:
    return tuple(getattr(row, column) for column in table.one)


def _versions(table: _Table, identities: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    """The resourceVersion of those of these rows that are there."""
    values = [set(column) for column in zip(*identities, strict=True)]
    if not values:
        return {}
    near = table.rows.filter(
        **{f"{column}__in": found for column, found in zip(table.one, values, strict=True)}
    ).order_by()
    return {
        tuple(key): version for *key, version in near.values_list(*table.one, "resource_version")
    }


def _always(_new: int, _old: int) -> bool:
    return True


def _batches(items: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, BATCH)):
        yield some
