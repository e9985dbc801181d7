"""The requests a person may see: narrowed, sorted and paged by the address; their drafts on top."""

from typing import Any

import pytest
from django.test import Client

from tenants import drafts, requests
from tenants.models import Request
from tests.browsing import FRAME, browser, queries
from tests.factories import (
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    filed,
    member_of,
    owner_of,
    viewer_of,
)

pytestmark = pytest.mark.django_db

LIST = "/requests/"


def shown(client: Client, **query: Any) -> list[Request]:
    return [row for row, _ in client.get(LIST, query).context["rows"]]


def test_a_stranger_is_sent_to_sign_in(client: Client) -> None:
    assert client.get(LIST)["Location"] == f"/sign-in/?next={LIST}"


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_every_level_sees_its_own_teams_requests_and_no_others(who: Who) -> None:
    mine, _theirs = filed(), filed()

    assert shown(browser(who(mine.team))) == [mine]


def test_another_teams_requests_are_not_found_by_any_filter() -> None:
    theirs = filed(name="secret")
    client = browser(owner_of(TeamFactory()))

    for query in ({"team": theirs.team.slug}, {"q": f"#{theirs.pk}"}, {"q": "secret"}):
        assert shown(client, **query) == []


def test_an_approver_narrows_by_state_team_kind_and_who_asked() -> None:
    one, other = filed(), filed()
    requests.reject(other, by=approver(), note="no")
    both = PersonFactory(claimed_groups=["argosy-approvers", one.team.owner_group])
    mine = requests.file(kind="create", team=one.team, by=both, fields={**one.asked, "name": "me"})
    client = browser(both)

    assert shown(client, state="rejected") == [other]
    assert shown(client, team=one.team.slug) == [mine, one]
    assert shown(client, mine="1") == [mine]
    assert shown(client, kind="create", sort="oldest") == [one, other, mine]
    assert shown(client, kind="destroy") == []


def test_text_finds_names_reasons_people_and_numbers() -> None:
    team = TeamFactory()
    request = filed(team, name="night-batch")
    Request.objects.filter(pk=request.pk).update(reason="Month's end")
    client = browser(approver())

    for text in ("ight-b", "month's", request.requested_by.username, f"#{request.pk}"):
        assert request in shown(client, q=text), text
    assert shown(client, q="nothing like it") == []


@pytest.mark.parametrize("text", ["\0", "#" + "9" * 40, "²", "%", "'; --"])
def test_odd_words_are_searched_for_like_others(text: str) -> None:
    filed()

    assert browser(approver()).get(LIST, {"q": text, "page": text, "sort": text}).status_code == 200


def test_the_switchers_team_narrows_until_the_address_says_otherwise() -> None:
    one, other = filed(), filed()
    client = browser(approver())
    session = client.session
    session["team"] = one.team.slug
    session.save()

    assert shown(client) == [one]
    assert shown(client, team="") == [other, one]


def test_a_page_has_twenty_five_and_keeps_its_filters() -> None:
    team = TeamFactory(namespace_limit=100)
    for number in range(27):
        filed(team, name=f"n-{number}")
    client = browser(viewer_of(team))

    assert len(shown(client, sort="oldest", state="pending")) == 25
    assert len(shown(client, sort="oldest", state="pending", page=2)) == 2
    page = client.get(LIST, {"state": "pending"}).content.decode()
    assert "?state=pending&amp;page=2" in page


def test_own_drafts_are_on_top_and_nobody_elses() -> None:
    team = TeamFactory()
    mine, other = owner_of(team), owner_of(team)
    for person, name in ((mine, "my-draft"), (other, "their-draft")):
        drafts.keep(by=person, kind="create", team=team, fields={"name": name})

    page = browser(mine).get(LIST).content.decode()

    assert "my-draft" in page
    assert "their-draft" not in page


def test_an_empty_list_says_what_to_do() -> None:
    team = TeamFactory()

    assert "New namespace</a>" in browser(owner_of(team)).get(LIST).content.decode()
    assert "Owners of a team ask" in browser(viewer_of(team)).get(LIST).content.decode()
    assert "Show all" in browser(owner_of(team)).get(LIST, {"q": "x"}).content.decode()


def test_what_teams_write_is_text() -> None:
    request = filed(TeamFactory(name="<script>alert(1)</script>"))

    assert b"<script>alert" not in browser(viewer_of(request.team)).get(LIST).content


def test_a_list_costs_the_same_whatever_its_length() -> None:
    client = browser(approver())
    filed()
    cost = queries(client, LIST)

    for _ in range(4):
        filed()

    assert queries(client, LIST) == cost <= FRAME + 5
