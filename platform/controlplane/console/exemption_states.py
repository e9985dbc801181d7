"""Where does an exemption stand for people, and what happened to it?"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from controlplane.policies.models import ExemptionState, ImageExemption

from .timeline import Entry

WAITING, APPROVED, EXPIRED, VOID = "waiting", "approved", "expired", "void"
REJECTED, ENDED = "rejected", "ended"

MEANS: Mapping[str, str] = {
    WAITING: "An approver decides on it next.",
    APPROVED: "It lets its image run until its end, and ends by itself. "
    "Clusters are told within a minute.",
    EXPIRED: "Its time is over: its image is refused again.",
    VOID: "Its time was over before anybody decided; ask again for a time to come.",
    REJECTED: "An approver said no, and why.",
    ENDED: "Somebody ended it, or asks for it no more.",
}
LOOKS = {WAITING: "warn", APPROVED: "ok", EXPIRED: "", VOID: "", REJECTED: "bad", ENDED: ""}


def state_of(exemption: ImageExemption, now: datetime) -> str:
    """The word for where it stands. Time alone makes an approved one expired and a waiting one void."""
    over = exemption.not_after <= now
    if exemption.state == ExemptionState.PENDING:
        return VOID if over else WAITING
    if exemption.state == ExemptionState.APPROVED:
        return EXPIRED if over else APPROVED
    return REJECTED if exemption.state == ExemptionState.REJECTED else ENDED


def to_be_looked_at_again(exemption: ImageExemption, now: datetime) -> bool:
    """It holds, but who approved it could not do so today: what runs by it must not stop for that."""
    return state_of(exemption, now) == APPROVED and exemption.approver_lost_the_right


def those(state: str, now: datetime) -> Q:
    """The same question, asked of the database."""
    pending, approved = Q(state=ExemptionState.PENDING), Q(state=ExemptionState.APPROVED)
    over = Q(not_after__lte=now)
    return {
        WAITING: pending & ~over,
        VOID: pending & over,
        APPROVED: approved & ~over,
        EXPIRED: approved & over,
        REJECTED: Q(state=ExemptionState.REJECTED),
        ENDED: Q(state=ExemptionState.ENDED),
    }[state]


SAID = {
    ExemptionState.PENDING: "asked",
    ExemptionState.APPROVED: "approved",
    ExemptionState.REJECTED: "rejected",
    ExemptionState.ENDED: "ended it",
}
ENTRY_LOOKS = {ExemptionState.APPROVED: "good", ExemptionState.REJECTED: "bad"}


def entries(exemption: ImageExemption, changes: Iterable[Any], now: datetime) -> tuple[Entry, ...]:
    """What happened to it, oldest first. `changes` are the rows of its history, with `decided_by`."""
    asked = Entry(
        kind="asked",
        at=exemption.requested_at,
        who=exemption.requested_by.username,
        said="asked",
        note=exemption.reason,
    )
    # Another edit of the row repeats the decision that it carries.
    decided = {(c.state, c.decided_at): c for c in changes if c.decided_at is not None}
    told = [_decided(change, exemption) for change in decided.values()]
    found = [asked, *sorted(told, key=lambda entry: entry.at)]
    state = state_of(exemption, now)
    if state in {EXPIRED, VOID}:
        said = (
            "ended it: its time was over" if state == EXPIRED else "closed it: nobody had decided"
        )
        found.append(Entry(kind=state, at=exemption.not_after, who="The clock", said=said))
    return tuple(found)


def _decided(change: Any, exemption: ImageExemption) -> Entry:
    state = ExemptionState(change.state)
    until = (
        f" until {change.not_after:%-d %b %Y %H:%M %Z}" if state == ExemptionState.APPROVED else ""
    )
    return Entry(
        kind=str(state),
        at=change.decided_at,
        who=change.decided_by.username if change.decided_by else "Somebody who is gone",
        said=f"{SAID[state]}{until}",
        look=ENTRY_LOOKS.get(state, ""),
        note=change.note,
        took=(change.decided_at - exemption.requested_at).total_seconds(),
        since="after it was asked",
    )
