"""Does each cluster hold what was decided? Brought when that changes, looked after when it does not.

What a cluster is to hold is worked out from the rows and the clock, so whatever changes it is seen here:
a policy, an exemption that ends, a stand-down, a namespace. Until a team's rules have come, its pods are
refused; nobody waits for them but the pods.
"""

import hashlib
import logging
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from controlplane.clusters import recording
from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.kube.door import Connection
from controlplane.kube.errors import KubeError
from provisioning.apply import apply, failures_of
from tenants import services
from tenants.models import TenantNamespace

from . import bundles, delivery, drifting
from .compile.cluster import held
from .composing import Unversioned
from .drifting import Drift
from .inputs import fingerprints
from .models import LONGEST_SENTENCE, Delivery

WITHIN = timedelta(seconds=60)  # for one delivery to be seen to act
CLAIMED = 3 * WITHIN  # longer than any: its calls have bounds of their own
LOOKED_AFTER = timedelta(minutes=5)
AGAIN_AFTER = timedelta(minutes=1)
LINK = "/v/?namespace={namespace}&image={image}"

logger = logging.getLogger(__name__)


def webhook_at(cluster: Cluster, client: dict[str, Any] | None) -> bool:
    """Keep where the cluster's API server calls its webhook; True if that is news."""
    if client is not None:
        check_client(client)
    row = _row(cluster)
    if row.webhook == client:
        return False
    Delivery.objects.filter(pk=row.pk).update(webhook=client)
    return True


def check_client(client: Any) -> None:
    """Refuse what no API server could call, or what it would call without knowing whom."""
    here = client if isinstance(client, dict) else {}
    service = here.get("service")
    placed = isinstance(service, dict) and service.get("name") and service.get("namespace")
    called = isinstance(url := here.get("url"), str) and urlsplit(url).scheme == "https"
    if bool(placed) == bool(called) or here.keys() - {"url", "service", "caBundle"}:
        raise DomainError(
            "A webhook is called by a `url` that begins with https://, or as a `service` with its name "
            "and namespace: one of the two.",
            code="bad_webhook",
            field="webhook",
        )
    try:
        authority = b64decode(here.get("caBundle", ""), validate=True)
    except (ValueError, TypeError):
        authority = b""
    if b"BEGIN CERTIFICATE" not in authority:
        raise DomainError(
            "`caBundle` is whom the API server believes there: certificates in PEM, as base64.",
            code="bad_webhook",
            field="webhook",
        )


def waiting(now: datetime) -> list[tuple[int, str]]:
    """The clusters for which something may have changed, or that are due, each with its inputs.

    Those that somebody is at are left to him: if he knew less, they are found the next time. What is
    known to be away is given no work.
    """
    serving = frozenset(Cluster.objects.serving().values_list("pk", flat=True))
    fields = ("cluster", "inputs", "due_at", "claimed_until")
    rows = {row[0]: row[1:] for row in Delivery.objects.values_list(*fields)}

    def waits(pk: int, inputs: str) -> bool:
        if pk not in rows:
            return True
        known, due_at, claimed_until = rows[pk]
        free = claimed_until is None or claimed_until < now
        return free and (known != inputs or due_at is None or due_at <= now)

    return [each for each in fingerprints(now).items() if each[0] in serving and waits(*each)]


def due_now(cluster: int, *, now: datetime) -> bool:
    """Have its look be due: also where one is under way, which may have passed by what was changed since."""
    return bool(Delivery.objects.filter(cluster=cluster).update(due_at=now))


def is_due(cluster: int, *, now: datetime) -> bool:
    """Whether its look is due, whatever changed of what it is to hold."""
    return Delivery.objects.filter(cluster=cluster, due_at__lte=now).exists()


def bring(cluster: Cluster, *, now: datetime, inputs: str = "") -> bool:
    """Have the cluster hold its newest policies, if it is time for that; True if it was looked at.

    Bounded: a cluster that does not act in time is told again a minute later. `inputs` stands for
    what was read when it was found to wait; whatever changed since then is found by the next look.
    """
    row = _row(cluster)
    try:
        told, wanted = bundles.current(cluster, now=now)
    except DomainError as error:
        if _due(row, row.content, now):
            _record(row, error=error, now=now)
        _seen(row, inputs)
        return False
    client = None if wanted.stand_down_until else row.webhook
    content = _content(told.content, client)
    if not _due(row, content, now):
        _seen(row, inputs)
        return False
    if not _claimed(row, now):
        return False
    acted = row.content == content and row.version == told.version
    before = _Before(acted, acts=acted and bool(row.in_force))
    try:
        _brought(row, wanted, client, before)
    except (DomainError, KubeError) as error:
        _record(row, error=error, content=content, now=now)
    else:
        _record(row, version=told.version, content=content, now=now)
        if not before.acts:
            _tell_who_waits(cluster)
    _seen(row, inputs)
    return True


def release_claims() -> None:
    """Whoever brought something is gone. What the next one makes of the same may be another thing."""
    Delivery.objects.update(claimed_until=None, inputs="")


@dataclass(frozen=True)
class _Before:
    """Whether this very content was seen to act there once, and whether it is so still."""

    acted: bool
    acts: bool


def _brought(
    row: Delivery, wanted: Unversioned, client: dict[str, Any] | None, before: _Before
) -> None:
    connection = connect(row.cluster)
    link = f"{settings.BASE_URL}{LINK}"
    objects = held(wanted.documents, wanted.namespaces, client=client, link=link)
    bring = delivery.deliver
    if before.acted:
        drift = drifting.look(connection.kube, objects)
        if drift.steps:
            _put_back(connection, row.cluster, drift)
        elif before.acts and not drift.older:
            return
        if not drift.older:
            bring = delivery.await_acting  # all of it lies there
    untouched = Delivery.objects.filter(pk=row.pk, due_at=row.due_at)
    bring(
        connection.kube,
        objects,
        within=WITHIN.total_seconds(),
        disturbed=lambda: not untouched.exists(),
    )


def _put_back(connection: Connection, cluster: Cluster, drift: Drift) -> None:
    """At once, and told: it is what acted before. That it does so again is yet to be seen."""
    outcomes = apply(drift.steps, connection, keep_claim=lambda: True)
    if failures := failures_of(outcomes):
        raise KubeError("; ".join(failure.sentence for failure in failures))
    if drift.told:
        logger.warning("cluster %s: its image policies: %s", cluster, drift.told)
        recording.record_put_back(cluster, drift.told, now=timezone.now())


def _tell_who_waits(cluster: Cluster) -> None:
    """Namespaces on their way wait for their rules: they are looked at now, not seconds later."""
    coming = TenantNamespace.objects.live().filter(cluster=cluster, ready_at=None)
    services.nudge(coming.filter(deletion_requested_at=None).exclude(observed_generation=0))


def _due(row: Delivery, content: str, now: datetime) -> bool:
    return row.content != content or row.due_at is None or row.due_at <= now


def _claimed(row: Delivery, now: datetime) -> bool:
    """Whether it is ours to bring: never two at once, each undoing what the other widened."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    mine = Delivery.objects.filter(free, pk=row.pk)
    return bool(mine.update(claimed_until=now + CLAIMED))


def _record(
    row: Delivery,
    *,
    now: datetime,
    version: int | None = None,
    content: str | None = None,
    error: DomainError | KubeError | None = None,
) -> None:
    done = error is None
    facts: dict[str, Any] = {
        "in_force": done,
        "message": "" if error is None else error.sentence[:LONGEST_SENTENCE],
        "checked_at": now,
        "claimed_until": None,
    }
    if done:
        facts |= {"version": version, "as_of": now}
    if content is not None:
        facts["content"] = content
    if row.in_force is not done or (done and row.content != content):
        facts["since"] = now
        logger.info(
            "image policies of cluster %s: %s", row.cluster_id, facts["message"] or "in force"
        )
    mine = Delivery.objects.filter(pk=row.pk)
    due_at = now + (LOOKED_AFTER if done else AGAIN_AFTER)
    # Narrowed by what was read: who was seen to change it meanwhile made another look due.
    if not mine.filter(due_at=row.due_at).update(**facts, due_at=due_at):
        mine.update(**facts)


def _seen(row: Delivery, inputs: str) -> None:
    """What this stands for was worked out: it is no reason to look again."""
    if inputs and row.inputs != inputs:
        Delivery.objects.filter(pk=row.pk).update(inputs=inputs)


def _row(cluster: Cluster) -> Delivery:
    return Delivery.objects.get_or_create(cluster=cluster)[0]


def _content(told: str, client: dict[str, Any] | None) -> str:
    said = msgspec.json.encode([told, client, settings.BASE_URL], order="sorted")
    return hashlib.sha256(said).hexdigest()
