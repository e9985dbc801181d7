"""What to say of a cluster: whether it serves us, how old that knowledge is, and the way out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from controlplane.kube.errors import UNAUTHORIZED, Forbidden, KubeError, Sealed

from .models import Cluster, Trouble

# Every cluster is asked each 15 s. Several times missed, nobody asks any more.
LOOKED_AT_WITHIN = timedelta(seconds=90)
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Answer:
    """A cluster in a word, and in whole sentences: since when, why, and what to do."""

    word: str
    look: str
    since: datetime | None
    why: str = ""
    way_out: str = ""


def trouble_of(error: KubeError | None) -> Trouble:
    """Which kind of trouble an answer is: a cluster that refuses us is not away."""
    if error is None:
        return Trouble.NONE
    if isinstance(error, Sealed):
        return Trouble.CREDENTIAL
    if isinstance(error, Forbidden):
        return Trouble.CREDENTIAL if error.code == UNAUTHORIZED else Trouble.RIGHTS
    return Trouble.AWAY


def answer_of(cluster: Cluster, now: datetime) -> Answer:
    """What its row says, unless that is too old to be true."""
    if is_stale(cluster.checked_at, now):
        return Answer("not looked at", "warn", cluster.checked_at)
    if cluster.reachable is None:
        return Answer("not asked yet", "", None)
    if cluster.reachable:
        return Answer("reachable", "ok", cluster.since)
    word = Trouble(cluster.trouble or Trouble.AWAY).label
    return Answer(word, "bad", cluster.since, cluster.message, cluster.way_out)


def is_stale(checked_at: datetime | None, now: datetime) -> bool:
    """Whether it was looked at once, and then no more."""
    return checked_at is not None and checked_at < now - LOOKED_AT_WITHIN


def idle_since(now: datetime) -> datetime | None:
    """Since when nobody looks at any cluster: the worker or its clock is not there. None: all is well."""
    newest: datetime | None = Cluster.objects.aggregate(newest=Max("checked_at"))["newest"]
    return newest if is_stale(newest, now) else None


def idle_sentence(since: datetime, now: datetime) -> str:
    """What an operator needs to hear when nobody works."""
    return (
        "The platform's worker is not running: no cluster was looked at, and no turn that was due was "
        f"taken, since {clock(since, now)}. Start `argosy worker` and `argosy beat` (or `argosy up`, "
        "which is both); what is shown is as old as that."
    )


def idle_for_teams(since: datetime, now: datetime) -> str:
    """The same for who can do nothing about it."""
    return (
        f"The platform has not worked since {clock(since, now)}: what is shown is as old as that, and "
        "what is asked for waits. What runs on the clusters runs on. The platform team has to start its "
        "worker."
    )


def clock(moment: datetime, now: datetime) -> str:
    """`19:50 UTC`, with the day if that was not within one."""
    day = "%H:%M %Z" if now - moment < A_DAY else "%-d %b %Y, %H:%M %Z"
    return f"{timezone.localtime(moment):{day}}"
