"""Is the platform's own part of a cluster as it should be? Looked at, put back, and told.

By the clock, and at once where the watch saw somebody else's hand in one of its policies.

The kinds of Argo, the priority class and the policies are looked at as a team's guard rails are: by their
fingerprint, by who owns their fields, and by the API server's own answer to a dry run.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from controlplane.clusters import base_release, recording
from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.kube.door import Connection, Kube
from controlplane.kube.errors import Invalid, KubeError, Unreachable
from controlplane.objects import Manifest, Ref, ref_of

from . import repairs
from .apply import apply, failures_of
from .desired import Desired
from .live import Live
from .plan import guarding

LOOK_EVERY = timedelta(minutes=5)
NOBODYS = "-"  # no namespace is called so: none of these objects is in a control namespace
A_ROUND = 200  # clusters; the next round takes the others

logger = logging.getLogger(__name__)


def due() -> Sequence[int]:
    """The clusters whose base is to be looked at: by the clock, and where another version is wanted."""
    serving = Cluster.objects.filter(reachable=True)
    old = serving.exclude(base_version=base_release.version(), base_message="")
    looked = serving.exclude(base_checked_at__gt=timezone.now() - LOOK_EVERY)
    found = (old.exclude(base_checked_at__gt=timezone.now() - LOOK_EVERY / 5) | looked).distinct()
    return list(found.order_by("base_checked_at").values_list("pk", flat=True)[:A_ROUND])


def due_now(cluster: int, *, now: datetime) -> bool:
    """Have its look be due: also where one is under way, which may have passed by what was changed since."""
    return recording.doubt_base(cluster, since=now - LOOK_EVERY)


def is_due(cluster: Cluster, *, now: datetime) -> bool:
    """Whether nobody looked since that was said, nor for as long as the clock waits."""
    return cluster.base_checked_at is None or cluster.base_checked_at <= now - LOOK_EVERY


def tend(cluster: Cluster) -> str:
    """Bring the base up to date and put back what drifted; tells what that was, '' if nothing."""
    try:
        said = _tended(connect(cluster), cluster)
    except Unreachable:
        recording.ask_soon(cluster, now=timezone.now())
        return ""
    except (KubeError, DomainError) as exc:
        recording.record_base(cluster, message=exc.sentence, now=timezone.now())
        logger.warning("cluster %s: the platform's base: %s", cluster, exc.sentence)
        return ""
    if said:
        logger.warning("cluster %s: the platform's base: %s", cluster, said)
    recording.record_base(
        cluster, version=base_release.version(), put_back=said, now=timezone.now()
    )
    return said


def _tended(connection: Connection, cluster: Cluster) -> str:
    kube = connection.kube
    if cluster.base_version != base_release.version():
        # A newer wish, or the first look: what differs now is no drift, and nobody's doing.
        base_release.install(connection, cluster.placement)
        _put_back(connection, cluster)
        return ""
    said = _put_back(connection, cluster)
    base_release.sweep(kube)
    return said


def _put_back(connection: Connection, cluster: Cluster) -> str:
    kube = connection.kube
    wanted = base_release.manifests_for(base_release.whoami(kube), cluster.placement)
    live = _live(kube, wanted)
    steps = guarding(wanted, live)
    if not steps:
        return ""
    outcomes = apply(steps, connection, keep_claim=lambda: True, note=lambda _: None)
    if failures := failures_of(outcomes):
        raise KubeError("; ".join(failure.sentence for failure in failures))
    return repairs.told(steps, Desired(guard_rails=wanted), live, control=NOBODYS)


def _live(kube: Kube, wanted: Sequence[Manifest]) -> Live:
    """By name, label or not; and for each that is there what our apply would make of it."""
    objects = {ref: found for ref in map(ref_of, wanted) if (found := kube.get(ref)) is not None}
    return Live(objects=objects, answers=_answers(kube, wanted, objects))


def _answers(
    kube: Kube, wanted: Sequence[Manifest], objects: Mapping[Ref, Manifest]
) -> dict[Ref, Manifest]:
    answers: dict[Ref, Manifest] = {}
    for manifest in wanted:
        if ref_of(manifest) in objects:
            try:
                answers[ref_of(manifest)] = kube.apply(manifest, dry_run=True)
            except Invalid:
                answers[ref_of(manifest)] = manifest  # cannot be applied in place: surely different
    return answers
