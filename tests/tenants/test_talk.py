"""What may be said and changed about a request before, and after, it is decided."""

from typing import Any

import pytest

from controlplane.errors import Changed, DomainError, NotAllowed
from tenants import requests
from tenants.errors import AlreadyDecided, AlreadyWished, OverBudget, OwnRequest
from tenants.models import Request, RequestEvent
from tests.factories import (
    ClusterFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    filed,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
    wish,
)

pytestmark = pytest.mark.django_db

HASH = "a" * 32
NOTE = "begin small"


def kinds(request: Request) -> list[str]:
    return list(RequestEvent.objects.filter(request=request).values_list("kind", flat=True))


def amended(request: Request, **changes: Any) -> Request:
    said = {"by": approver(), "note": NOTE, **changes}
    fields = {**request.asked, **said.pop("fields", {"tier": "medium"})}
    return requests.amend(request, fields=fields, **said)


def of_an_approver() -> tuple[Request, Any]:
    """A request of somebody who decides on those of others."""
    team = TeamFactory()
    both = PersonFactory(claimed_groups=[team.owner_group, "argosy-approvers"])
    fields = wish(ClusterFactory())
    return requests.file(kind="create", team=team, by=both, fields=fields), both


def test_a_decider_is_seen_once_and_each_of_them() -> None:
    request, first, second = filed(), approver(), platform_admin()

    for who in (first, first, second):
        requests.see(request, by=who)

    assert kinds(request) == ["filed", "seen", "seen"]


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_who_does_not_decide_is_not_noted_as_having_seen_it(who: Who) -> None:
    request = filed()

    requests.see(request, by=who(request.team))

    assert kinds(request) == ["filed"]


def test_ones_own_request_and_a_decided_one_are_not_noted_as_seen() -> None:
    own, both = of_an_approver()
    closed = requests.withdraw(request := filed(), by=owner_of(request.team))

    requests.see(own, by=both)
    requests.see(closed, by=approver())

    assert (kinds(own), kinds(closed)) == (["filed"], ["filed", "withdrawn"])


def test_both_sides_comment_even_after_the_decision() -> None:
    request = filed()
    people = [owner_of(request.team), member_of(request.team), viewer_of(request.team), approver()]
    requests.reject(request, by=approver(), note="no")

    for person in people:
        requests.comment(request, by=person, note="why?")

    assert kinds(request).count("commented") == len(people)


def test_a_stranger_comments_on_nothing() -> None:
    with pytest.raises(NotAllowed):
        requests.comment(filed(), by=owner_of(TeamFactory()), note="hello")


@pytest.mark.parametrize(
    ("note", "said"), [("  ", "words"), ("x" * 1001, "at most 1000"), ("a\0b", "NUL")]
)
def test_what_cannot_be_kept_is_refused_beside_its_field(note: str, said: str) -> None:
    request = filed()

    with pytest.raises(DomainError, match=said) as refused:
        requests.comment(request, by=approver(), note=note)

    assert refused.value.field == "note"
    assert kinds(request) == ["filed"]


def test_a_reason_that_is_too_long_is_refused_before_anything_is_kept() -> None:
    team = TeamFactory()

    with pytest.raises(DomainError, match="at most 1000") as refused:
        requests.file(
            kind="create",
            team=team,
            by=owner_of(team),
            fields=wish(ClusterFactory()),
            reason="x" * 1001,
        )

    assert refused.value.field == "reason"
    assert not Request.objects.exists()


def test_an_amendment_is_what_is_approved_and_what_was_asked_stays_in_its_event() -> None:
    request = amended(filed())

    approved = requests.approve(request, by=approver(), plan_hash=HASH, decided={})

    assert approved.namespace is not None
    assert approved.namespace.tier.slug == "medium"
    tiers = [(e.kind, e.asked["tier"]) for e in RequestEvent.objects.all()]
    assert tiers == [("filed", "small"), ("amended", "medium"), ("approved", "medium")]
    assert RequestEvent.objects.get(kind="amended").note == NOTE


def test_nobody_amends_their_own() -> None:
    request, both = of_an_approver()

    with pytest.raises(OwnRequest):
        amended(request, by=both)


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_no_level_of_a_team_amends(who: Who) -> None:
    request = filed()

    for person in (who(request.team), who(TeamFactory())):
        with pytest.raises(NotAllowed):
            amended(request, by=person)


@pytest.mark.parametrize("note", ["", " "])
def test_an_amendment_says_why(note: str) -> None:
    with pytest.raises(DomainError, match="reason"):
        amended(filed(), note=note)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"tier": "large"}, "over_budget"),
        ({"tier": "giant"}, "no_tier"),
        ({"cluster": "moon"}, "no_cluster"),
        ({"name": "kube-system"}, "bad_name"),
        ({"color": "red"}, "bad_request"),
        ({}, "no_change"),
    ],
)
def test_an_amendment_is_checked_as_a_filing_is(fields: dict[str, str], code: str) -> None:
    request = filed()

    with pytest.raises(DomainError) as refused:
        amended(request, fields=fields)

    request.refresh_from_db()
    assert (refused.value.code, request.asked["tier"]) == (code, "small")
    assert kinds(request) == ["filed"]


def test_an_amendment_fits_the_budget_as_it_is_then() -> None:
    team = TeamFactory(cpu_budget=16)
    request = filed(team)
    requests.approve(filed(team, name="other"), by=approver(), plan_hash=HASH, decided={})

    with pytest.raises(OverBudget):
        amended(request)


def test_what_is_decided_is_amended_no_more() -> None:
    request = filed()
    requests.reject(request, by=approver(), note="no")

    with pytest.raises(AlreadyDecided):
        amended(request)


def test_what_was_approved_once_is_amended_no_more() -> None:
    request = requests.approve(filed(), by=approver(), plan_hash=HASH, decided={})
    assert request.namespace is not None
    requests.reopen(request.namespace, note="changed")

    with pytest.raises(AlreadyWished):
        amended(request)


def test_a_plan_of_what_was_asked_before_an_amendment_approves_nothing() -> None:
    request = filed()
    read_before = Request.objects.get(pk=request.pk)
    amended(request)

    with pytest.raises(Changed, match="amended since you looked"):
        requests.approve(read_before, by=approver(), plan_hash=HASH, decided={})

    request.refresh_from_db()
    assert (request.state, request.namespace) == ("pending", None)
