"""Drafts: kept as typed, for one person, few, and gone when they are filed."""

import pytest

from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User
from tenants import drafts, requests
from tenants.errors import TooManyDrafts
from tenants.models import Draft, Team
from tests.factories import (
    ClusterFactory,
    TeamFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
    wish,
)

pytestmark = pytest.mark.django_db


def kept(by: User, team: Team | None = None, **more: object) -> Draft:
    return drafts.keep(by=by, kind="create", team=team, fields={"name": "NOT yet"}, **more)  # type: ignore[arg-type]


def test_a_draft_holds_what_was_typed_right_or_not() -> None:
    person = owner_of(TeamFactory())

    draft = kept(person)

    assert Draft.objects.visible_to(person).get().fields == {"name": "NOT yet"}
    assert (draft.team, draft.kind) == (None, "create")


def test_keeping_a_draft_again_changes_it() -> None:
    person = owner_of(TeamFactory())
    draft = kept(person)

    drafts.keep(by=person, kind="create", team=None, fields={"name": "now"}, draft=draft)

    assert [d.fields["name"] for d in Draft.objects.all()] == ["now"]


def test_a_draft_is_nobody_elses() -> None:
    team = TeamFactory()
    draft = kept(owner_of(team), team)

    for other in (owner_of(team), approver(), platform_admin(), owner_of(TeamFactory())):
        assert not Draft.objects.visible_to(other).exists()
        drafts.discard(draft, by=other)
        drafts.keep(by=other, kind="create", team=None, fields={"name": "mine now"}, draft=draft)

    draft.refresh_from_db()
    assert draft.fields == {"name": "NOT yet"}
    assert Draft.objects.filter(person=draft.person).count() == 1


@pytest.mark.parametrize("who", [member_of, viewer_of])
def test_a_draft_is_for_a_team_in_whose_name_one_may_ask(who: Who) -> None:
    team = TeamFactory()

    for person in (who(team), owner_of(TeamFactory())):
        with pytest.raises(NotAllowed):
            kept(person, team)


def test_a_person_keeps_twenty_and_may_still_change_one() -> None:
    person = owner_of(TeamFactory())
    held = [kept(person) for _ in range(drafts.MOST)]

    with pytest.raises(TooManyDrafts, match="20"):
        kept(person)
    kept(person, draft=held[0])

    assert Draft.objects.count() == drafts.MOST


@pytest.mark.parametrize(
    "fields",
    [{"name": "x" * 1001}, {"name": "a\0"}, {str(n): "" for n in range(21)}],
)
def test_a_draft_is_small_and_text(fields: dict[str, str]) -> None:
    with pytest.raises(DomainError):
        drafts.keep(by=owner_of(TeamFactory()), kind="create", team=None, fields=fields)


def test_a_draft_goes_when_it_is_filed_and_stays_when_it_is_refused() -> None:
    team = TeamFactory()
    person = owner_of(team)
    draft, fields = kept(person, team), wish(ClusterFactory())

    with pytest.raises(DomainError):
        requests.file(kind="create", team=team, by=person, fields={}, draft=draft)
    assert Draft.objects.exists()

    requests.file(kind="create", team=team, by=person, fields=fields, draft=draft)
    assert not Draft.objects.exists()


def test_filing_takes_away_nobody_elses_draft() -> None:
    team = TeamFactory()
    theirs = kept(owner_of(team), team)

    requests.file(
        kind="create", team=team, by=owner_of(team), fields=wish(ClusterFactory()), draft=theirs
    )

    assert Draft.objects.filter(pk=theirs.pk).exists()


def test_discarding_twice_is_discarding_once() -> None:
    person = owner_of(TeamFactory())
    draft = kept(person)

    drafts.discard(draft, by=person)
    drafts.discard(draft, by=person)

    assert not Draft.objects.exists()
