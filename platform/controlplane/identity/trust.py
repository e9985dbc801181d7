"""How far somebody is let in when their provider has not said yes for a while. Pure: times in, a word out.

A provider that is down for a minute stops nobody. Then what people see stays open and nothing may be
changed; and when it has been silent for so long that anybody may have left meanwhile, nobody is let in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Trust(StrEnum):
    """What a person may, by the age of the provider's last yes."""

    FULL = "full"
    READ_ONLY = "read-only"
    OUT = "out"


@dataclass(frozen=True)
class Limits:
    """How old the provider's last yes may be. `grace` ≤ `out`."""

    grace: timedelta
    out: timedelta


def trust_in(confirmed_at: datetime, now: datetime, limits: Limits) -> Trust:
    """What the last yes is still good for. One from the future is our own clock, set back: as good as now."""
    age = now - confirmed_at
    if age <= limits.grace:
        return Trust.FULL
    return Trust.READ_ONLY if age <= limits.out else Trust.OUT


def sentence_for(trust: Trust, confirmed_at: datetime, limits: Limits) -> str:
    """What a person is told who may less than usual."""
    if trust is Trust.FULL:
        return ""
    silent = f"The identity provider has not confirmed you since {confirmed_at:%H:%M} UTC"
    if trust is Trust.READ_ONLY:
        ends = confirmed_at + limits.out
        return (
            f"{silent}: until it does you may look, and change nothing. "
            f"At {ends:%H:%M} UTC you would be signed out."
        )
    return f"{silent}: sign in again once it answers."
