"""What agents saw: the only writer of violations, scans and admitted images. Posted twice is posted once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from tenants.models import TenantNamespace
from tenants.names import control_namespace

from .document import CLUSTER_SCOPED
from .folding import Known, Sighting, begun, folded
from .models import AdmittedImage, Scan, Sight, Violation

MOST = 1000  # of each kind in one post
# Of each team on one cluster: a controller that fails for ever must fill neither the disk nor the
# room of another team. Beyond, a team's own oldest make room for its newest.
MOST_KEPT = 2_000
MOST_ADMITTED = 2_000
KEPT_FOR = timedelta(days=90)
ADMITTED_FOR = timedelta(days=14)
_RUNNING_LAST = models.Case(models.When(state=Sight.RUNNING, then=1), default=0).asc()
AHEAD = timedelta(minutes=2)  # how far another machine's clock may go before ours


@dataclass(frozen=True)
class Scanned:
    """All that runs in a namespace was looked at then."""

    namespace: str
    at: datetime
    images: int = 0


@dataclass(frozen=True)
class Admitted:
    """An image that was let in then."""

    namespace: str
    image: str
    at: datetime


@dataclass(frozen=True)
class Recorded:
    """What became of a post. What is of no team here is nobody's business, and is not kept."""

    new: int = 0
    known: int = 0
    foreign: int = 0
    dropped: int = 0


@transaction.atomic
def record(
    *,
    cluster: Cluster,
    now: datetime,
    sightings: Sequence[Sighting] = (),
    scanned: Sequence[Scanned] = (),
    admitted: Sequence[Admitted] = (),
) -> Recorded:
    """Keep what the agent of this cluster saw."""
    if max(len(sightings), len(scanned), len(admitted)) > MOST:
        raise DomainError(f"At most {MOST} of each kind are taken in one post.", code="too_many")
    # Lock the cluster: two replicas of an agent may post the same at once.
    Cluster.objects.select_for_update().get(pk=cluster.pk)
    teams = _teams(cluster)
    ours = [_not_ahead(s, now) for s in sightings if s.namespace in teams]
    outcome = _fold(cluster, ours, teams)
    # Also where there was no room to keep them: what was seen to run wrong there is not clean.
    running = {s.namespace: s.at for s in sorted(ours, key=lambda s: s.at) if _runs(s)}
    _scans(cluster, [s for s in scanned if s.namespace in teams], teams, now, running)
    _admit(cluster, [a for a in admitted if a.namespace in teams], teams, now)
    _forget(cluster, now)
    return replace(outcome, foreign=len(sightings) - len(ours))


def _teams(cluster: Cluster) -> dict[str, int | None]:
    """Whose each namespace of this cluster is: workload, control, and (nobody's) none at all."""
    live = TenantNamespace.objects.live().filter(cluster=cluster)
    owners: dict[str, int | None] = {CLUSTER_SCOPED: None}
    for name, team in live.values_list("name", "team"):
        owners[name] = owners[control_namespace(name)] = team
    return owners


def _fold(cluster: Cluster, seen: Iterable[Sighting], teams: dict[str, int | None]) -> Recorded:
    latest: dict[str, list[Sighting]] = {}
    for sighting in sorted(seen, key=lambda s: s.at):
        latest.setdefault(sighting.same, []).append(sighting)
    rows = {
        row.same: row for row in Violation.objects.filter(cluster=cluster, same__in=latest.keys())
    }
    new: list[Violation] = []
    changed: list[Violation] = []
    for same, sightings in latest.items():
        if (row := rows.get(same)) is not None:
            known = _known(row)
            for sighting in sightings:
                known = folded(known, sighting)
            if known != _known(row):
                changed.append(_written(row, known))
        else:
            new.append(_row(cluster, sightings, teams))
    kept = _newest_of_each(new)
    Violation.objects.bulk_create(kept, batch_size=200)
    Violation.objects.bulk_update(
        changed,
        ["state", "source", "reason", "count", "first_seen", "last_seen"],
        batch_size=100,
    )
    dropped = len(new) - len(kept)
    oldest_first = (_RUNNING_LAST, "last_seen", "-pk")
    dropped += _make_room(Violation.objects.filter(cluster=cluster), MOST_KEPT, oldest_first)
    return Recorded(new=len(kept), known=len(rows), dropped=dropped)


def _newest_of_each(new: Iterable[Violation]) -> list[Violation]:
    """As many of each team as it may have at all: what runs before what was refused, the newest first."""
    room: Counter[int | None] = Counter()
    kept = []
    for row in sorted(new, key=lambda r: (r.state == Sight.RUNNING, r.last_seen), reverse=True):
        if room[row.team_id] < MOST_KEPT:
            room[row.team_id] += 1
            kept.append(row)
    return kept


def _make_room(rows: models.QuerySet[Any], most: int, order: Sequence[Any]) -> int:
    """Drop what a team has beyond so many, in this order; how many that were."""
    counts = rows.order_by().values_list("team").annotate(count=models.Count("pk"))
    dropped = 0
    for team, count in counts.filter(count__gt=most):
        first = rows.filter(team=team).order_by(*order).values_list("pk", flat=True)
        dropped += rows.filter(pk__in=list(first[: count - most])).delete()[0]
    return dropped


def _runs(seen: Sighting) -> bool:
    return seen.state == Sight.RUNNING


def _row(
    cluster: Cluster, sightings: Sequence[Sighting], teams: dict[str, int | None]
) -> Violation:
    first, *others = sightings
    known = begun(first)
    for sighting in others:
        known = folded(known, sighting)
    row = Violation(
        cluster=cluster,
        team_id=teams[first.namespace],
        namespace=first.namespace,
        kind=first.kind,
        name=first.name,
        path=first.path,
        container=first.container,
        image=first.image,
        code=first.code,
        same=first.same,
    )
    return _written(row, known)


def _known(row: Violation) -> Known:
    return Known(row.state, row.source, row.reason, row.count, row.first_seen, row.last_seen)


def _written(row: Violation, known: Known) -> Violation:
    row.state, row.source, row.reason = known.state, known.source, known.reason
    row.count, row.first_seen, row.last_seen = known.count, known.first_seen, known.last_seen
    return row


def _scans(
    cluster: Cluster,
    scanned: Sequence[Scanned],
    teams: dict[str, int | None],
    now: datetime,
    seen_running: Mapping[str, datetime],
) -> None:
    """What a scan did not see any more is gone; where it saw nothing wrong, it is clean as of then."""
    newest = {s.namespace: min(s.at, now) for s in sorted(scanned, key=lambda s: s.at)}
    images = {s.namespace: s.images for s in sorted(scanned, key=lambda s: s.at)}
    rows = {
        row.namespace: row for row in Scan.objects.filter(cluster=cluster, namespace__in=newest)
    }
    # Posted before, or overtaken by a later one: nothing new.
    news = {n: at for n, at in newest.items() if n not in rows or rows[n].scanned_at < at}
    running = Violation.objects.filter(cluster=cluster, state=Sight.RUNNING, namespace__in=news)
    places = list(running.values_list("pk", "namespace", "last_seen"))
    gone = [pk for pk, namespace, last_seen in places if last_seen < news[namespace]]
    wrong = {namespace for _, namespace, last_seen in places if last_seen >= news[namespace]}
    wrong |= {n for n, at in news.items() if n in seen_running and seen_running[n] >= at}
    Violation.objects.filter(pk__in=gone).update(state=Sight.GONE)
    fresh: list[Scan] = []
    for namespace, at in news.items():
        row = rows.get(namespace) or Scan(
            cluster=cluster, team_id=teams[namespace], namespace=namespace
        )
        row.scanned_at, row.images = at, images[namespace]
        if namespace not in wrong:
            row.clean_as_of = at
        fresh.append(row)
    Scan.objects.bulk_create(
        fresh,
        batch_size=200,
        update_conflicts=True,
        unique_fields=["cluster", "namespace"],
        update_fields=["team", "scanned_at", "images", "clean_as_of"],
    )


def _admit(
    cluster: Cluster, admitted: Sequence[Admitted], teams: dict[str, int | None], now: datetime
) -> None:
    newest = {(a.namespace, a.image): min(a.at, now) for a in sorted(admitted, key=lambda a: a.at)}
    if not newest:
        return
    AdmittedImage.objects.bulk_create(
        [
            AdmittedImage(
                cluster=cluster,
                team_id=team,
                namespace=namespace,
                image=image,
                last_seen=newest[namespace, image],
            )
            for namespace, image in newest
            if (team := teams[namespace]) is not None
        ],
        batch_size=200,
        update_conflicts=True,
        unique_fields=["cluster", "namespace", "image"],
        update_fields=["last_seen"],
    )
    ours = AdmittedImage.objects.filter(cluster=cluster)
    _make_room(ours, MOST_ADMITTED, ("last_seen", "-pk"))


def _forget(cluster: Cluster, now: datetime) -> None:
    Violation.objects.filter(cluster=cluster, last_seen__lt=now - KEPT_FOR).delete()
    AdmittedImage.objects.filter(cluster=cluster, last_seen__lt=now - ADMITTED_FOR).delete()


def _not_ahead(seen: Sighting, now: datetime) -> Sighting:
    """Seen in the future: the other clock is wrong, and what comes after must still be news."""
    return replace(seen, at=now) if seen.at > now + AHEAD else seen
