"""Asking and deciding: who may, what is kept, and what approval writes."""

from typing import Any

import pytest
from django.utils import timezone

from controlplane.errors import DomainError, NotAllowed
from tenants import requests, services
from tenants.changes import create
from tenants.errors import AlreadyDecided, NameTaken, OverBudget, OwnRequest, PartlyMade
from tenants.models import Request, RequestEvent, Team, TenantNamespace
from tests.factories import (
    ClusterFactory,
    PersonFactory,
    TeamFactory,
    approver,
    filed,
    member_of,
    owner_of,
    viewer_of,
    wish,
)

pytestmark = pytest.mark.django_db

HASH = "a" * 32


def ask(team: Team, **asked: str) -> Request:
    fields = {**wish(ClusterFactory()), **asked}
    return requests.file(kind="create", team=team, by=owner_of(team), fields=fields)


def yes(request: Request, **more: Any) -> Request:
    said = {"by": approver(), "plan_hash": HASH, "decided": {"sentence": "seen"}, **more}
    return requests.approve(request, **said)


def test_approval_writes_the_wish_and_keeps_what_was_decided() -> None:
    request = filed()

    approved = yes(request, note="fine")

    namespace = approved.namespace
    assert namespace is not None
    assert (namespace.team, namespace.approved_plan) == (request.team, HASH)
    last = RequestEvent.objects.last()
    assert last is not None
    assert (last.kind, last.note, last.plan_hash) == ("approved", "fine", HASH)
    assert (last.decided, last.asked) == ({"sentence": "seen"}, request.asked)


@pytest.mark.parametrize("who", [member_of, viewer_of])
def test_only_owners_ask(who: Any) -> None:
    team = TeamFactory()

    with pytest.raises(NotAllowed, match="owners"):
        requests.file(kind="create", team=team, by=who(team), fields=wish(ClusterFactory()))


def test_another_teams_owner_asks_for_nothing_and_withdraws_nothing() -> None:
    request, stranger = filed(), owner_of(TeamFactory())

    with pytest.raises(NotAllowed):
        requests.file(
            kind="create", team=request.team, by=stranger, fields=wish(ClusterFactory(), "mine")
        )
    with pytest.raises(NotAllowed):
        requests.withdraw(request, by=stranger)


def test_what_does_not_fit_is_refused_when_it_is_asked() -> None:
    team = TeamFactory(cpu_budget=1)

    with pytest.raises(OverBudget):
        ask(team)
    assert not Request.objects.exists()


def test_what_no_longer_fits_is_refused_when_it_is_approved() -> None:
    team = TeamFactory(namespace_limit=1)
    first, second = ask(team, name="one"), ask(team, name="two")
    yes(first)

    with pytest.raises(OverBudget):
        yes(second)

    second.refresh_from_db()
    assert second.state == "pending"


def test_a_name_is_one_teams_on_a_cluster_and_free_on_another() -> None:
    cluster = ClusterFactory()
    yes(filed(name="shared", cluster=cluster.name))

    with pytest.raises(NameTaken, match="already has a namespace shared"):
        filed(name="shared", cluster=cluster.name)
    assert filed(name="shared").state == "pending"


def test_of_two_requests_for_one_name_the_second_is_refused_at_approval() -> None:
    cluster = ClusterFactory()
    first, second = (filed(name="shared", cluster=cluster.name) for _ in range(2))
    yes(first)

    with pytest.raises(NameTaken):
        yes(second)
    assert TenantNamespace.objects.count() == 1


def test_a_name_taken_between_the_check_and_the_wish_is_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = ClusterFactory()
    first, second = (filed(name="shared", cluster=cluster.name) for _ in range(2))
    yes(first)
    monkeypatch.setattr(create, "check", lambda *_: None)  # it looked before the first was approved

    with pytest.raises(NameTaken):
        yes(second)

    second.refresh_from_db()
    assert (second.state, TenantNamespace.objects.count()) == ("pending", 1)


def test_nobody_decides_on_their_own() -> None:
    team = TeamFactory()
    both = PersonFactory(claimed_groups=[team.owner_group, "argosy-approvers"])
    request = requests.file(kind="create", team=team, by=both, fields=wish(ClusterFactory()))

    for decide in (
        lambda: yes(request, by=both),
        lambda: requests.reject(request, by=both, note="no"),
    ):
        with pytest.raises(OwnRequest):
            decide()


def test_an_owner_decides_on_nothing() -> None:
    request = filed()

    with pytest.raises(NotAllowed):
        yes(request, by=owner_of(request.team))


def test_a_decision_is_made_once() -> None:
    request = filed()
    yes(request)

    with pytest.raises(AlreadyDecided):
        yes(request)
    with pytest.raises(AlreadyDecided):
        requests.reject(request, by=approver(), note="too late")
    with pytest.raises(AlreadyDecided):
        requests.withdraw(request, by=owner_of(request.team))


@pytest.mark.parametrize("note", ["", "  "])
def test_a_rejection_says_why(note: str) -> None:
    with pytest.raises(DomainError, match="reason"):
        requests.reject(filed(), by=approver(), note=note)


def test_a_wish_whose_plan_changed_goes_back_once_and_is_approved_anew() -> None:
    request = yes(filed())
    namespace = request.namespace
    assert namespace is not None

    assert requests.reopen(namespace, note="changed") == request
    assert requests.reopen(namespace, note="changed") is None
    again = yes(request, plan_hash="b" * 32)

    assert again.namespace == namespace
    namespace.refresh_from_db()
    assert (namespace.approved_plan, namespace.generation) == ("b" * 32, 2)


def test_a_wish_that_went_back_and_is_rejected_frees_its_name() -> None:
    request = yes(filed())
    assert request.namespace is not None
    requests.reopen(request.namespace, note="changed")

    requests.reject(request, by=approver(), note="not any more")

    namespace = TenantNamespace.objects.get()
    assert (namespace.phase, namespace.deleted_at is None) == ("Terminated", False)
    assert not services.drop_wish(namespace, now=namespace.deleted_at)  # type: ignore[arg-type]


def test_a_wish_that_went_back_is_bound_to_no_plan_until_it_is_approved_anew() -> None:
    request = yes(filed())
    assert request.namespace is not None

    requests.reopen(request.namespace, note="changed")

    request.namespace.refresh_from_db()
    assert request.namespace.approved_plan == ""


def test_what_was_begun_cannot_be_closed_by_a_rejection() -> None:
    request = yes(filed())
    namespace = request.namespace
    assert namespace is not None
    services.begin(namespace, now=timezone.now())
    requests.reopen(namespace, note="changed")

    with pytest.raises(PartlyMade, match="approved delete"):
        requests.reject(request, by=approver(), note="not any more")

    request.refresh_from_db()
    namespace.refresh_from_db()
    assert (request.state, namespace.deleted_at) == ("pending", None)


def test_a_request_of_an_older_shape_is_still_listed() -> None:
    request = filed()
    request.asked = {"cluster": "gone"}
    request.save()

    assert "can no longer be carried out" in requests.sentence_of(request)
