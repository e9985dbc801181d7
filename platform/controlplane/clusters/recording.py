"""Keeping what was seen of a cluster: the only writer of those columns, but for register()."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.errors import ended

from . import base_release, breaker, health
from .answering import trouble_of
from .models import Cluster, Trouble
from .probe import Look

LONGEST = 500  # characters of what is kept of an answer


@dataclass(frozen=True)
class News:
    """What one asking changed."""

    serves: bool  # whether it, or why it does not, is news
    moved: bool  # its API server is found elsewhere: policies that name the old place are stale


def record(cluster: Cluster, look: Look, *, now: datetime) -> News:
    """Keep what came of asking it, and when it is asked next."""
    # As it is now, not as it was when the question was asked: probes may overlap.
    cluster.refresh_from_db(fields=["reachable", "trouble", "probe_failures", "latency", "since"])
    known = (cluster.reachable, cluster.trouble)
    asked = breaker.after(
        look.error, failures=cluster.probe_failures, was_open=cluster.reachable is False
    )
    doubted = look.error is not None and not asked.is_open
    trouble = Trouble.NONE if doubted else trouble_of(look.error)
    message = "" if look.error is None else ended(look.error.sentence[: LONGEST - 1])
    facts: dict[str, Any] = {
        # Never asked before, and silent: that is not yet an answer.
        "reachable": cluster.reachable if doubted else not asked.is_open,
        "trouble": trouble,
        "message": message,
        "checked_at": now,
        "next_probe_at": now + asked.next_in,
        "probe_failures": asked.failures,
    }
    if look.credential_ends_at is not None or look.error is None:
        facts["credential_ends_at"] = look.credential_ends_at
    if look.seconds is not None:
        facts |= {
            "latency": health.smoothed(cluster.latency, look.seconds),
            "clock_skew": look.clock_skew,
            "kubernetes_version": look.version,
        }
    changed = (facts["reachable"], facts["trouble"]) != known
    if changed:
        facts["since"] = now
    moved = bool(look.endpoints) and look.endpoints != cluster.api_endpoints
    if moved:
        facts["api_endpoints"] = look.endpoints
    _keep(cluster, facts, doubted=doubted, now=now)
    return News(serves=changed and not doubted, moved=moved)


def record_base(
    cluster: Cluster, *, version: str = "", message: str = "", put_back: str = "", now: datetime
) -> None:
    """Keep how the platform's base was found there, and what of it was put back."""
    facts: dict[str, Any] = {"base_message": message[:LONGEST]}
    if version:
        facts["base_version"] = version
    _keep(cluster, facts, doubted=cluster.probe_failures > 0 and bool(cluster.reachable), now=now)
    if put_back:
        record_put_back(cluster, put_back, now=now)
    # Narrowed by what was read: who was seen to change it meanwhile made another look due.
    mine = Cluster.objects.filter(pk=cluster.pk, base_checked_at=cluster.base_checked_at)
    if mine.update(base_checked_at=now):
        cluster.base_checked_at = now


def record_put_back(cluster: Cluster, said: str, *, now: datetime) -> None:
    """Keep what of the platform's own was put back in this cluster: its base, or its image policies."""
    facts = {"base_put_back": said[:LONGEST], "base_put_back_at": now}
    Cluster.objects.filter(pk=cluster.pk).update(**facts)
    for field, value in facts.items():
        setattr(cluster, field, value)


def doubt_base(cluster: int, *, since: datetime) -> bool:
    """Have this cluster's base be looked at as if it had not been since then; False if there is none such."""
    return bool(Cluster.objects.filter(pk=cluster).update(base_checked_at=since))


def ask_soon(cluster: Cluster, *, now: datetime) -> None:
    """A turn found it silent: whether that is so is asked at once, not when its time comes."""
    serving = Cluster.objects.serving().filter(pk=cluster.pk)
    serving.filter(next_probe_at__gt=now).update(next_probe_at=now)


def ask_often(cluster: Cluster, *, now: datetime) -> None:
    """It was given up, and seems to be back: whoever mended it is not to wait for the longest pause."""
    soon = now + breaker.DOUBTED_FOR
    away = Cluster.objects.filter(pk=cluster.pk, reachable=False)
    away.filter(next_probe_at__gt=soon).update(next_probe_at=soon)


def release_claims() -> None:
    """Whoever was asking them is gone: everybody is due."""
    Cluster.objects.update(next_probe_at=None)


def facts_of(cluster: Cluster, *, doubted: bool) -> health.Facts:
    """Its row, as the pure part reads it."""
    return health.Facts(
        trouble=str(cluster.trouble) if cluster.reachable is False else "",
        message=cluster.message,
        doubted=doubted,
        latency=cluster.latency,
        clock_skew=cluster.clock_skew,
        credential_ends_at=cluster.credential_ends_at,
        version=cluster.kubernetes_version,
        base_version=cluster.base_version,
        base_wanted=base_release.version(),
        base_message=cluster.base_message,
    )


def _keep(cluster: Cluster, facts: dict[str, Any], *, doubted: bool, now: datetime) -> None:
    for field, value in facts.items():
        setattr(cluster, field, value)
    conditions = health.conditions_of(facts_of(cluster, doubted=doubted), now)
    cluster.conditions = health.stamped(conditions, cluster.conditions, now)
    facts["conditions"] = cluster.conditions
    Cluster.objects.filter(pk=cluster.pk).update(**facts)
