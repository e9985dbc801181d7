"""What happened to a request, in order, and how long each took."""

from datetime import UTC, datetime, timedelta

from controlplane.console import timeline
from controlplane.console.differences import CHANGED, Line
from controlplane.identity.models import User
from tenants.models import RequestEvent, TenantNamespace

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
SMALL, MEDIUM = {"tier": "small"}, {"tier": "medium"}


def event(kind: str, minutes: int, asked: dict[str, str] = SMALL, who: str = "ada") -> RequestEvent:
    by = User(username=who) if who else None
    at = START + timedelta(minutes=minutes)
    return RequestEvent(kind=kind, at=at, by=by, asked=asked)


def test_each_entry_says_who_and_how_long_after_the_start() -> None:
    found = timeline.entries([event("filed", 0), event("seen", 5, who="bob")], None)

    assert [(e.who, e.kind, e.took) for e in found] == [
        ("ada", "filed", None),
        ("bob", "seen", 300),
    ]
    assert found[1].since == "after it was asked"


def test_an_amendment_says_what_it_changed() -> None:
    events = [event("filed", 0), event("amended", 5, MEDIUM), event("approved", 6, MEDIUM)]

    found = timeline.entries(events, None)

    changed = (Line(CHANGED, "tier", "small", "medium"),)
    assert [e.changes for e in found] == [(), changed, ()]
    assert timeline.amendments(events) == changed


def test_provisioning_is_counted_from_the_approval() -> None:
    namespace = TenantNamespace(ready_at=START + timedelta(minutes=11))

    found = timeline.entries([event("filed", 0), event("approved", 10)], namespace)

    assert (found[-1].kind, found[-1].took, found[-1].since) == (
        timeline.PROVISIONED,
        60,
        "after the approval",
    )


def test_after_it_came_back_time_is_counted_anew() -> None:
    events = [event("filed", 0), event("approved", 1), event("reopened", 10, who="")]

    found = timeline.entries([*events, event("approved", 12)], TenantNamespace())

    assert (found[2].who, found[3].took, found[3].since) == (
        "The platform",
        120,
        "after it came back",
    )


def test_who_approves_what_they_amended_themselves_is_said_to_have() -> None:
    asked = event("filed", 0, who="team")
    amended, seen = event("amended", 1, MEDIUM, "bob"), event("seen", 2, MEDIUM, "eve")
    changed = [asked, amended, seen]

    alone = timeline.entries([*changed, event("approved", 3, MEDIUM, "bob")], None)
    by_another = timeline.entries([*changed, event("approved", 3, MEDIUM, "eve")], None)
    as_asked = timeline.entries([asked, event("approved", 3, SMALL, "bob")], None)

    assert [found[-1].said for found in (alone, by_another, as_asked)] == [
        "approved what they had amended themselves",
        "approved it as bob had amended it",
        "approved",
    ]
