"""Deciding on an exemption, ending it, and what time alone makes of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.policies import exemptions
from controlplane.policies.models import ImageExemption
from tests.browsing import FRAME, browser, queries
from tests.controlplane.console.images.stories import (
    EXEMPTIONS,
    INBOX,
    TEAM,
    at,
    place,
    seen,
    waiting,
)
from tests.controlplane.console.pages import read, words
from tests.factories import (
    PersonFactory,
    Who,
    approver,
    member_of,
    owner_of,
    viewer_of,
)
from tests.images import FOREIGN

pytestmark = pytest.mark.django_db


def test_an_approver_finds_it_in_the_inbox_and_gives_less_than_was_asked() -> None:
    where = place()
    exemption = waiting(where, days=7)
    client = browser(approver())
    assert FOREIGN in read(client, INBOX)
    assert "Inbox 1" in read(client, "/")
    until = timezone.now().date() + timedelta(days=2)

    client.post(
        at(exemption), {"act": "approve", "until": until.isoformat(), "note": "Only so long."}
    )

    exemption.refresh_from_db()
    assert exemption.state == "approved"
    assert exemption.not_after.date() == until + timedelta(days=1)
    page = read(client, at(exemption))
    assert "Only so long." in page
    assert f"approved until {exemption.not_after:%-d %b %Y}" in page
    assert FOREIGN not in read(client, INBOX)


def test_the_day_that_was_asked_for_keeps_its_very_minute() -> None:
    exemption = waiting(place(), days=7)
    day = exemption.not_after.date().isoformat()

    browser(approver()).post(at(exemption), {"act": "approve", "until": day})

    before = exemption.not_after
    exemption.refresh_from_db()
    assert (exemption.state, exemption.not_after) == ("approved", before)


@pytest.mark.parametrize("days", [30, -3])
def test_nobody_approves_for_longer_than_was_asked_or_for_the_past(days: int) -> None:
    exemption = waiting(place(), days=7)
    until = timezone.now().date() + timedelta(days=days)

    answer = browser(approver()).post(
        at(exemption), {"act": "approve", "until": until.isoformat(), "note": "Kept words."}
    )

    exemption.refresh_from_db()
    assert (answer.status_code, exemption.state) == (400, "pending")
    assert "Kept words." in answer.content.decode()
    assert 'aria-invalid="true"' in answer.content.decode()


def test_a_rejection_says_why() -> None:
    where = place()
    exemption = waiting(where)
    client = browser(approver())

    assert client.post(at(exemption), {"act": "reject", "reject_note": ""}).status_code == 400
    client.post(at(exemption), {"act": "reject", "reject_note": "Push it to Harbor."})

    page = read(browser(member_of(where.team)), at(exemption))
    assert "Push it to Harbor." in page
    assert "Rejected" in page


def test_nobody_decides_on_their_own() -> None:
    where = place()
    both = PersonFactory(claimed_groups=[where.team.member_group, "argosy-approvers"])
    exemption = waiting(where, by=both)
    client = browser(both)

    assert "somebody else decides" in read(client, at(exemption))
    inbox = client.get(INBOX)
    assert (inbox.context["exemptions"], inbox.context["my_exemptions"]) == ([], [exemption])
    for act in ("approve", "reject"):
        said = {"act": act, "reject_note": "no"}
        assert client.post(at(exemption), said).status_code == 403
    exemption.refresh_from_db()
    assert exemption.state == "pending"


@pytest.mark.parametrize("who", TEAM)
def test_a_team_does_not_decide(who: Who) -> None:
    where = place()
    exemption = waiting(where)

    answer = browser(who(where.team)).post(at(exemption), {"act": "approve"})

    exemption.refresh_from_db()
    assert (answer.status_code, exemption.state) == (403, "pending")


def test_a_team_ends_what_it_asked_for_and_a_viewer_does_not() -> None:
    where = place()
    exemption = waiting(where)
    assert browser(viewer_of(where.team)).post(at(exemption), {"act": "end"}).status_code == 403

    browser(owner_of(where.team)).post(at(exemption), {"act": "end", "end_note": "Not needed."})

    exemption.refresh_from_db()
    assert exemption.state == "ended"
    assert "Not needed." in read(browser(viewer_of(where.team)), at(exemption))


def test_an_act_that_is_none_is_not_there() -> None:
    exemption = waiting(place())

    assert browser(approver()).post(at(exemption), {"act": "extend"}).status_code == 404


def test_a_second_decision_is_told_of_the_first() -> None:
    exemption = waiting(place())
    exemptions.approve(exemption, by=approver(), now=timezone.now())

    answer = browser(approver()).post(at(exemption), {"act": "reject", "reject_note": "no"})

    assert answer.status_code == 409
    assert "is approved already" in words(answer.content.decode())


def moved(exemption: ImageExemption, days: float) -> None:
    """As if it had been asked for that long ago."""
    back = timedelta(days=days)
    ImageExemption.objects.filter(pk=exemption.pk).update(
        requested_at=exemption.requested_at - back, not_after=exemption.not_after - back
    )


def test_time_alone_makes_one_expired_and_another_void() -> None:
    where = place()
    expired = exemptions.approve(waiting(where), by=approver(), now=timezone.now())
    void = waiting(where, image="evil.example/other:1")
    for each in (expired, void):
        moved(each, days=30)
    client = browser(viewer_of(where.team))

    assert "its image is refused again" in read(client, at(expired))
    assert "before anybody decided" in read(client, at(void))
    assert FOREIGN in read(client, EXEMPTIONS, state="expired")
    assert FOREIGN not in read(client, EXEMPTIONS, state="approved")
    assert "other:1" in read(client, EXEMPTIONS, state="void")
    assert "other:1" not in read(browser(approver()), INBOX)


def test_the_pages_of_exemptions_take_the_same_queries_however_many_there_are() -> None:
    where = place()
    exemption = waiting(where)
    member, decider = browser(owner_of(where.team)), browser(approver())
    cost = [queries(member, EXEMPTIONS), queries(decider, INBOX), queries(decider, at(exemption))]

    for n in range(30):
        waiting(where, image=f"evil.example/miner-{n}:1")
        seen(where, name=f"pod-{n}")

    after = [queries(member, EXEMPTIONS), queries(decider, INBOX), queries(decider, at(exemption))]
    assert after == cost
    assert cost[0] <= FRAME + 3
    assert cost[2] <= FRAME + 4


def test_a_team_reads_that_its_exemption_was_approved_by_one_who_approves_no_more() -> None:
    where = place()
    exemption = waiting(where)
    exemptions.approve(exemption, by=approver(), now=timezone.now())
    client = browser(viewer_of(where.team))
    for page in (at(exemption), EXEMPTIONS):
        assert "looked at again" not in read(client, page)

    exemption.refresh_from_db()
    User.objects.filter(pk=exemption.approved_by_id).update(claimed_groups=[])

    by = exemption.approved_by.username
    assert "To be looked at again" in read(client, at(exemption))
    assert f"{by} approved it and is no approver any more" in read(client, at(exemption))
    assert f"to be looked at again: {by} approves no more" in read(client, EXEMPTIONS)
    exemptions.end(exemption, by=owner_of(where.team), now=timezone.now())
    assert "looked at again" not in read(client, at(exemption))
