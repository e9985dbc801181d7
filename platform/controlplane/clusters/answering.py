"""What to say of a cluster: whether it serves us, how old that knowledge is, and the way out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from controlplane.kube.errors import UNAUTHORIZED, Another, Forbidden, KubeError, Sealed

from . import health
from .health import Condition, State, amiss, is_stale
from .models import Cluster, Scheduling, Trouble

A_DAY = timedelta(days=1)
LOOKS = {
    State.REACHABLE: "ok",
    State.DEGRADED: "warn",
    State.UNREACHABLE: "bad",
    State.CORDONED: "warn",
    State.DRAINING: "warn",
    State.NOT_ASKED: "",
    State.NOT_LOOKED_AT: "warn",
}


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
    return Trouble.ANOTHER if isinstance(error, Another) else Trouble.AWAY


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


def standing_of(cluster: Cluster, now: datetime) -> Answer:
    """The same for who has to act: its state, and what of all that is known is amiss, and why."""
    conditions = health.from_dicts(cluster.conditions)
    state = health.state_of(
        reachable=cluster.reachable,
        is_stale=is_stale(cluster.checked_at, now),
        scheduling=cluster.scheduling,
        is_amiss=health.is_amiss(cluster.conditions),
    )
    return Answer(
        state,
        LOOKS[state],
        _since(cluster, state, conditions),
        " ".join(_whys(cluster, state, conditions)),
        cluster.way_out if state is State.UNREACHABLE else "",
    )


def _since(cluster: Cluster, state: State, conditions: Sequence[Condition]) -> datetime | None:
    match state:
        case State.NOT_ASKED:
            return None
        case State.NOT_LOOKED_AT:
            return cluster.checked_at
        case State.CORDONED | State.DRAINING:
            return cluster.scheduled_at
        case State.DEGRADED:
            return min((c.since for c in amiss(conditions) if c.since), default=None)
    return cluster.since


def _whys(cluster: Cluster, state: State, conditions: Sequence[Condition]) -> Iterator[str]:
    if state in {State.NOT_ASKED, State.NOT_LOOKED_AT}:
        return
    if state is State.UNREACHABLE:
        word = Trouble(cluster.trouble or Trouble.AWAY).label
        yield f"{word.capitalize()}: {cluster.message}" if cluster.message else word.capitalize()
        return
    if cluster.scheduling != Scheduling.OPEN and cluster.scheduling_reason:
        yield cluster.scheduling_reason
    yield from (each.message for each in amiss(conditions) if each.message)


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
