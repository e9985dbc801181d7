"""What happened to a request, in order: who did it, when, and how long it took."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from tenants.models import RequestEvent, TenantNamespace

from .differences import Line, difference

Kind = RequestEvent.Kind
SAID = {
    Kind.FILED: "asked",
    Kind.SEEN: "opened it",
    Kind.COMMENTED: "commented",
    Kind.AMENDED: "amended what is asked",
    Kind.PLACED: "had another cluster chosen",
    Kind.UNPLACED: "found no cluster that takes it",
    Kind.APPROVED: "approved",
    Kind.REJECTED: "rejected",
    Kind.WITHDRAWN: "withdrew it",
    Kind.REOPENED: "sent it back: the plan is not the one that was approved",
}
LOOKS = {
    Kind.APPROVED: "good",
    Kind.REJECTED: "bad",
    Kind.REOPENED: "odd",
    Kind.PLACED: "odd",
    Kind.UNPLACED: "bad",
}
STARTS = {Kind.FILED: "after it was asked", Kind.REOPENED: "after it came back"}
PROVISIONED = "provisioned"
AS_AMENDED = {
    True: "approved what they had amended themselves",
    False: "approved it as {who} had amended it",
}


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `took` is in seconds, and `since` says since what."""

    kind: str
    at: datetime
    who: str
    said: str
    look: str = ""
    note: str = ""
    plan_hash: str = ""
    took: float | None = None
    since: str = ""
    changes: tuple[Line, ...] = ()


def entries(events: Iterable[RequestEvent], namespace: TenantNamespace | None) -> tuple[Entry, ...]:
    """All of it, oldest first; the namespace's becoming ready among it."""
    happened = list(events)
    found = list(_of_events(happened))
    if namespace is not None and namespace.ready_at is not None:
        found.append(_provisioned(happened, namespace.ready_at))
    return tuple(sorted(found, key=lambda entry: entry.at))


def amendments(events: Iterable[RequestEvent]) -> tuple[Line, ...]:
    """From what was first asked to what is asked now."""
    asked = [event.asked for event in events]
    return difference(asked[0], asked[-1]) if asked else ()


def _of_events(events: list[RequestEvent]) -> Iterator[Entry]:
    start: RequestEvent | None = None
    before: RequestEvent | None = None
    amended: RequestEvent | None = None
    for event in events:
        yield Entry(
            kind=event.kind,
            at=event.at,
            who=event.by.username if event.by else "The platform",
            said=_said(event, amended),
            look=LOOKS.get(Kind(event.kind), ""),
            note=event.note,
            plan_hash=event.plan_hash,
            took=(event.at - start.at).total_seconds() if start else None,
            since=STARTS[Kind(start.kind)] if start else "",
            changes=difference(before.asked, event.asked) if before else (),
        )
        if Kind(event.kind) in STARTS:
            start = event
        if event.kind == Kind.AMENDED:
            amended = event
        before = event


def _said(event: RequestEvent, amended: RequestEvent | None) -> str:
    """An approver may amend and then approve: that it was no second pair of eyes is said."""
    if event.kind != Kind.APPROVED or not (amended and amended.by and event.by):
        return SAID[Kind(event.kind)]
    own = amended.by.username == event.by.username
    return AS_AMENDED[own].format(who=amended.by.username)


def _provisioned(events: list[RequestEvent], ready_at: datetime) -> Entry:
    approved = next((e for e in events if e.kind == Kind.APPROVED and e.at <= ready_at), None)
    return Entry(
        kind=PROVISIONED,
        at=ready_at,
        who="The platform",
        said="had it ready",
        look="good",
        took=(ready_at - approved.at).total_seconds() if approved else None,
        since="after the approval" if approved else "",
    )
