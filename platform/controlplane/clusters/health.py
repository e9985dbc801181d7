"""How is a cluster? Facts of its last askings become conditions, and those one word: all of it pure.

A condition is one fact with a reason, a sentence for people, and since when it is so. The word is for who
reads a list: what keeps the cluster from serving comes first, then what people decided, then what is amiss.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

SLOW = 1.0  # seconds for /readyz
SMOOTHED = 0.3  # how much of the mean is the newest answer: one slow answer is no slow cluster
CLOCKS_APART = timedelta(
    seconds=30
)  # from then on tokens are refused, and certificates seem not to have begun
ENDS_SOON = timedelta(days=14)
# ValidatingAdmissionPolicy is stable since 1.30, and without it nothing bounds what teams' pods may be.
OLDEST = (1, 30)
LOOKED_AT_WITHIN = timedelta(
    seconds=90
)  # each is asked every 15 s, one that is away at least every minute


class State(StrEnum):
    """A cluster in a word."""

    REACHABLE = "reachable"
    DEGRADED = "degraded"
    UNREACHABLE = "unreachable"
    CORDONED = "cordoned"
    DRAINING = "draining"
    NOT_ASKED = "not asked yet"
    NOT_LOOKED_AT = "not looked at"


@dataclass(frozen=True)
class Condition:
    """One fact: whether it is as it should be (None: not known), why, and since when."""

    type: str
    good: bool | None
    reason: str
    message: str = ""
    since: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it is kept."""
        return {**asdict(self), "since": self.since.isoformat() if self.since else None}


@dataclass(frozen=True)
class Facts:
    """What is known of a cluster at one moment. None: that was not to be learned."""

    trouble: str = ""  # the label of a Trouble; '' where it serves us
    message: str = ""
    doubted: bool = False  # its last answer failed, and it is not given up yet
    latency: float | None = None  # seconds, the mean of the last answers
    clock_skew: float | None = None  # seconds, its clock before ours
    credential_ends_at: datetime | None = None
    version: str = ""
    base_version: str = ""
    base_wanted: str = ""
    base_message: str = ""


def conditions_of(facts: Facts, now: datetime) -> tuple[Condition, ...]:
    """Every fact as a condition, in the order in which people should read them."""
    return (
        _serves(facts),
        _in_time(facts.latency),
        _credential(facts.credential_ends_at, now),
        _clock(facts.clock_skew),
        _version(facts.version),
        _base(facts),
    )


def stamped(
    new: Iterable[Condition], known: Sequence[Mapping[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """As they are kept: since when each is so is since its status or reason was another."""
    before = {c.type: c for c in from_dicts(known)}

    def since(condition: Condition) -> datetime:
        was = before.get(condition.type)
        same = was is not None and (was.good, was.reason) == (condition.good, condition.reason)
        return (was.since or now) if was is not None and same else now

    return [replace(each, since=since(each)).as_dict() for each in new]


def from_dicts(kept: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    """What `stamped` gave."""
    return tuple(
        Condition(
            **{**each, "since": datetime.fromisoformat(each["since"]) if each["since"] else None}
        )
        for each in kept
    )


def state_of(
    *,
    reachable: bool | None,
    is_stale: bool,
    scheduling: str,
    is_amiss: bool,
) -> State:
    """The one word. `is_stale`: nobody looks at it. `is_amiss`: a condition is not as it should be."""
    if is_stale:
        return State.NOT_LOOKED_AT
    if reachable is False:
        return State.UNREACHABLE
    if scheduling in {State.CORDONED, State.DRAINING}:
        return State(scheduling)
    if reachable is None:
        return State.NOT_ASKED
    return State.DEGRADED if is_amiss else State.REACHABLE


def amiss(conditions: Iterable[Condition]) -> Iterator[Condition]:
    """Those that are not as they should be."""
    return (each for each in conditions if each.good is False)


def is_amiss(kept: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of these is not as it should be, of conditions as `stamped` gave them."""
    return any(each["good"] is False for each in kept)


def is_stale(checked_at: datetime | None, now: datetime) -> bool:
    """Whether it was looked at once, and then no more."""
    return checked_at is not None and checked_at < now - LOOKED_AT_WITHIN


def smoothed(mean: float | None, newest: float) -> float:
    """The mean after one more answer."""
    return newest if mean is None else mean + SMOOTHED * (newest - mean)


def skew_of(theirs: datetime, *, asked: datetime, answered: datetime) -> float:
    """How far their clock is before ours, in seconds; 0 for what the way and whole seconds explain.

    A Date header is cut to the second, and was written somewhere between our question and its answer.
    """
    early, late = theirs - answered, theirs + timedelta(seconds=1) - asked
    if early > timedelta():
        return early.total_seconds()
    return min(late.total_seconds(), 0.0)


def parsed_version(text: str) -> tuple[int, int] | None:
    """`v1.37.1` and what vendors make of it (`v1.31.4-gke.1`) as (1, 37)."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def _serves(facts: Facts) -> Condition:
    if facts.trouble:
        return Condition("Serves", good=False, reason=_reason(facts.trouble), message=facts.message)
    if facts.doubted:
        return Condition("Serves", good=False, reason="Doubted", message=facts.message)
    return Condition("Serves", good=True, reason="Ready")


def _in_time(latency: float | None) -> Condition:
    if latency is None:
        return Condition("InTime", good=None, reason="NotMeasured")
    if latency > SLOW:
        said = (
            f"Its API server takes {latency:.1f} s to say that it is ready; {SLOW:.0f} s is long."
        )
        return Condition("InTime", good=False, reason="Slow", message=said)
    return Condition("InTime", good=True, reason="Prompt")


def _credential(ends_at: datetime | None, now: datetime) -> Condition:
    anew = "Give the cluster another one: `argosy cluster add NAME --kubeconfig FILE`."
    if ends_at is None:
        return Condition("CredentialLasts", good=True, reason="NoEnd")
    when = f"{ends_at:%-d %b %Y, %H:%M} UTC"
    if ends_at <= now:
        said = f"Our credential for it ended on {when}. {anew}"
        return Condition("CredentialLasts", good=False, reason="Ended", message=said)
    if ends_at <= now + ENDS_SOON:
        said = f"Our credential for it ends on {when}. {anew}"
        return Condition("CredentialLasts", good=False, reason="EndsSoon", message=said)
    return Condition("CredentialLasts", good=True, reason="Lasts", message=f"Until {when}.")


def _clock(skew: float | None) -> Condition:
    if skew is None:
        return Condition("ClockInStep", good=None, reason="NotTold")
    if abs(skew) > CLOCKS_APART.total_seconds():
        side = "fast" if skew > 0 else "slow"
        said = (
            f"Its clock is {abs(skew):.0f} s {side} of the platform's: certificates and tokens begin and "
            "end at the wrong time there. Set the time on one of the two (chrony, systemd-timesyncd)."
        )
        return Condition("ClockInStep", good=False, reason=side.capitalize(), message=said)
    return Condition("ClockInStep", good=True, reason="InStep")


def _version(version: str) -> Condition:
    found = parsed_version(version)
    if found is None:
        return Condition("VersionServed", good=None, reason="NotKnown")
    if found < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        said = f"It is Kubernetes {version}; the platform's policies need {oldest}. Upgrade it."
        return Condition("VersionServed", good=False, reason="TooOld", message=said)
    return Condition("VersionServed", good=True, reason="InRange", message=f"Kubernetes {version}.")


def _base(facts: Facts) -> Condition:
    if facts.base_message:
        return Condition("BaseInPlace", good=False, reason="NotTaken", message=facts.base_message)
    if not facts.base_version:
        return Condition("BaseInPlace", good=None, reason="NotLookedAt")
    if facts.base_version != facts.base_wanted:
        said = (
            f"It has the platform's base {facts.base_version}; {facts.base_wanted} is on its way."
        )
        return Condition("BaseInPlace", good=None, reason="OnItsWay", message=said)
    return Condition("BaseInPlace", good=True, reason="InPlace", message=facts.base_version)


def _reason(trouble: str) -> str:
    return "".join(word.capitalize() for word in trouble.split())
