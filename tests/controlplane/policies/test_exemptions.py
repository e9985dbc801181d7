"""Exemptions: asked by one, approved by another, for one image, for a while."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User
from controlplane.policies import exemptions
from controlplane.policies.compile import cost
from controlplane.policies.errors import NotOpen, Overlapping, OwnExemption, TooDear
from controlplane.policies.models import ImageExemption
from controlplane.policies.trying import try_image
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)
from tests.images import DIGEST, FOREIGN, IMAGE, NOW, asked, exempted, nothing_said

pytestmark = pytest.mark.django_db

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    nothing_said()


def runs(team: Any, image: str = FOREIGN, *, at: Any = NOW, **more: Any) -> bool:
    return try_image(team=team, image=image, now=at, **more).verdict.allowed


def test_an_approved_exemption_holds_until_its_end_and_not_a_second_longer() -> None:
    team = NamespaceFactory().team

    exempted(team, days=7)

    assert runs(team)
    assert runs(team, at=NOW + 7 * DAY - SECOND)
    assert not runs(team, at=NOW + 7 * DAY)


def test_it_does_not_hold_before_its_beginning() -> None:
    team = NamespaceFactory().team

    exempted(team, not_before=NOW + DAY, days=7)

    assert not runs(team, at=NOW + DAY - SECOND)
    assert runs(team, at=NOW + DAY)


def test_what_was_only_asked_for_lets_nothing_run() -> None:
    team = NamespaceFactory().team

    asked(team)

    assert not runs(team)


def test_it_is_for_that_image_that_team_and_that_namespace() -> None:
    here = NamespaceFactory()
    there = NamespaceFactory(team=here.team, cluster=here.cluster)
    other = NamespaceFactory(cluster=here.cluster)

    exempted(here.team, namespace=here)

    assert runs(here.team, namespace=here.name)
    assert not runs(here.team, namespace=there.name)
    assert not runs(here.team, "evil.example/miner:2", namespace=here.name)
    assert not runs(here.team, "evil.example/miner", namespace=here.name)
    assert not runs(other.team)


def test_nobody_approves_what_they_asked_for_whatever_they_are() -> None:
    team = TeamFactory()
    both: User = PersonFactory(claimed_groups=[team.owner_group, "argosy-admins"])
    exemption = asked(team, by=both)

    for decide in (exemptions.approve, exemptions.reject):
        with pytest.raises(OwnExemption):
            decide(exemption, by=both, now=NOW, note="mine")

    exemption.refresh_from_db()
    assert exemption.state == "pending"


def test_the_database_itself_takes_no_self_approval_and_no_approval_by_nobody() -> None:
    exemption = asked(TeamFactory())
    rows = ImageExemption.objects.filter(pk=exemption.pk)

    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(approved_by=exemption.requested_by)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(state="approved")


@pytest.mark.parametrize(
    "who",
    [
        viewer_of,
        lambda _: owner_of(TeamFactory()),
        lambda _: approver(),
        lambda _: platform_admin(),
    ],
)
def test_only_the_teams_own_people_who_submit_ask(who: Callable[..., User]) -> None:
    team = TeamFactory()

    with pytest.raises(NotAllowed):
        asked(team, by=who(team))


@pytest.mark.parametrize("who", [owner_of, member_of])
def test_only_approvers_decide(who: Callable[..., User]) -> None:
    exemption = asked(TeamFactory())

    with pytest.raises(NotAllowed):
        exemptions.approve(exemption, by=who(exemption.team), now=NOW)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"days": 91}, "not_after"),
        ({"days": 0}, "not_after"),
        ({"days": -1}, "not_after"),
        ({"days": 7, "not_before": NOW + 8 * DAY}, "not_before"),
        ({"image": "evil example"}, "image"),
        ({"image": ""}, "image"),
        ({"image": "evil.example/{{x}}"}, "image"),
        ({"digest": "sha256:short"}, "image"),
        ({"digest": DIGEST}, "digest"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence_with_its_field(
    wish: dict[str, Any], field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        asked(TeamFactory(), **wish)

    assert refused.value.field == field
    assert not ImageExemption.objects.exists()


def test_ninety_days_are_counted_from_the_beginning() -> None:
    asked(TeamFactory(), not_before=NOW + 30 * DAY, days=120)


def test_an_exemption_may_be_held_to_a_digest() -> None:
    team = NamespaceFactory().team

    exempted(team, image=IMAGE, digest=DIGEST)

    assert runs(team, IMAGE)


def test_another_teams_namespace_is_refused() -> None:
    theirs = NamespaceFactory()

    with pytest.raises(DomainError, match="no namespace of"):
        asked(TeamFactory(), namespace=theirs)


def test_windows_of_the_same_image_do_not_overlap() -> None:
    here = NamespaceFactory()
    other = NamespaceFactory(team=here.team)
    asked(here.team, days=7)

    with pytest.raises(Overlapping, match="overlaps"):
        asked(here.team, days=3)
    with pytest.raises(Overlapping):
        asked(here.team, days=3, namespace=other)
    asked(here.team, not_before=NOW + 7 * DAY, days=14)
    asked(TeamFactory(), days=7)
    asked(here.team, image="evil.example/other:1", days=7)


def test_two_namespaces_may_have_one_each() -> None:
    here = NamespaceFactory()
    other = NamespaceFactory(team=here.team)

    asked(here.team, namespace=here)
    asked(here.team, namespace=other)

    with pytest.raises(Overlapping):
        asked(here.team)


def test_one_that_was_rejected_or_has_ended_is_in_nobodys_way() -> None:
    team = TeamFactory()
    exemptions.reject(asked(team), by=approver(), now=NOW, note="use ours")
    exemptions.end(exempted(team), by=member_of(team), now=NOW)

    assert asked(team).state == "pending"


def test_what_is_decided_stays_decided() -> None:
    exemption = exempted(TeamFactory())

    with pytest.raises(NotOpen, match="approved already"):
        exemptions.approve(exemption, by=approver(), now=NOW)
    with pytest.raises(NotOpen):
        exemptions.reject(exemption, by=approver(), now=NOW, note="no")


def test_a_window_that_passed_while_it_waited_is_not_approved() -> None:
    exemption = asked(TeamFactory(), days=1)

    with pytest.raises(DomainError, match="past already"):
        exemptions.approve(exemption, by=approver(), now=NOW + 2 * DAY)


def test_ending_one_ends_it_at_once() -> None:
    team = NamespaceFactory().team
    exemption = exempted(team)

    exemptions.end(exemption, by=member_of(team), now=NOW)

    assert not runs(team)
    with pytest.raises(NotOpen):
        exemptions.end(exemption, by=member_of(team), now=NOW)


def test_another_team_ends_nothing() -> None:
    exemption = exempted(TeamFactory())

    with pytest.raises(NotAllowed):
        exemptions.end(exemption, by=owner_of(TeamFactory()), now=NOW)


def test_each_step_is_in_its_history() -> None:
    exemption = exempted(TeamFactory())

    states = [line.state for line in ImageExemption.history.filter(id=exemption.pk)]

    assert states == ["approved", "pending"]


def test_an_approver_who_is_none_any_more_is_noticed_and_what_they_approved_holds_on() -> None:
    team = NamespaceFactory().team
    exemption = exempted(team)
    assert not exemption.approver_lost_the_right

    User.objects.filter(pk=exemption.approved_by_id).update(claimed_groups=[])

    assert ImageExemption.objects.get(pk=exemption.pk).approver_lost_the_right
    assert runs(team)


def test_one_too_many_for_the_api_server_is_refused_by_its_approver_with_the_way_out() -> None:
    team, other = NamespaceFactory().team, NamespaceFactory().team
    first = exempted(team)
    waiting = asked(team, image="legacy.example/last:1")
    affordable = int(cost.EXPRESSION_LIMIT * cost.AFFORDED / cost.MANY_IMAGES) - cost.MANY_IMAGES
    ImageExemption.objects.bulk_create(
        ImageExemption(
            team=team,
            image=f"legacy.example/i{n}:1",
            reason="many",
            requested_by=first.requested_by,
            approved_by=first.approved_by,
            requested_at=NOW,
            not_after=NOW + DAY,
            state=first.state,
        )
        for n in range(affordable)
    )

    with pytest.raises(TooDear) as refused:
        exemptions.approve(waiting, by=approver(), now=NOW)

    assert "end exemptions that nobody needs now" in refused.value.sentence
    waiting.refresh_from_db()
    assert waiting.state == "pending"
    assert exempted(other).state == "approved"
    # Those that are over are in the way of nobody.
    later = asked(team, image="legacy.example/later:1", now=NOW + 2 * DAY)
    assert exemptions.approve(later, by=approver(), now=NOW + 2 * DAY).state == "approved"


def test_an_image_too_many_for_one_namespace_is_counted_on_its_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = NamespaceFactory()
    NamespaceFactory(team=here.team)
    monkeypatch.setattr(cost, "telling_new", lambda exempt: exempt * 10**9)

    with pytest.raises(TooDear):
        exempted(here.team, namespace=here)
