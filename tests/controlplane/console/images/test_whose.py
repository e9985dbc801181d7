"""Whose violations and exemptions are: another team finds nothing."""

import pytest
from django.test import Client

from controlplane.policies.models import ImageExemption
from tests.browsing import browser
from tests.controlplane.console.images.stories import (
    CSV,
    EXEMPTIONS,
    LIST,
    NEW,
    UNKNOWN,
    at,
    link,
    place,
    seen,
    waiting,
    wish,
)
from tests.controlplane.console.pages import HTMX, read, words
from tests.factories import (
    TeamFactory,
    member_of,
    owner_of,
)
from tests.images import FOREIGN

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [LIST, CSV, EXEMPTIONS, NEW, UNKNOWN, "/v/", "/exemptions/1/", "/namespaces/1/images/"],
)
def test_a_stranger_is_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"] == f"/sign-in/?next={path}"


def test_another_teams_violations_are_on_no_list_of_mine() -> None:
    theirs = place()
    seen(theirs)
    client = browser(owner_of(TeamFactory()))

    assert FOREIGN not in read(client, LIST)
    assert FOREIGN not in b"".join(client.get(CSV).streaming_content).decode()  # type: ignore[attr-defined]
    assert FOREIGN not in read(client, LIST, namespace=theirs.name, q="miner")


def test_another_teams_link_says_the_same_as_one_that_nobody_has() -> None:
    theirs = seen(place())
    client = browser(owner_of(TeamFactory()))

    hidden, unknown = client.get(link(theirs)), client.get(UNKNOWN)

    assert (hidden.status_code, unknown.status_code) == (404, 404)
    said = [words(page.content.decode()) for page in (hidden, unknown)]
    assert said[0] == said[1]
    assert "not here yet" in said[0]


def test_another_teams_namespace_and_image_are_told_apart_from_nothing_by_nobody() -> None:
    theirs = place()
    seen(theirs)
    client = browser(owner_of(TeamFactory()))

    for name in (theirs.name, f"{theirs.name}-argo", "no-such-namespace", ""):
        answer = client.get("/v/", {"namespace": name, "image": FOREIGN})
        assert answer.status_code == 404
        assert FOREIGN not in words(answer.content.decode())
        part = client.get("/v/", {"namespace": name, "image": FOREIGN}, headers=HTMX)
        assert part.headers.get("HX-Refresh") is None


def test_another_teams_exemption_and_policy_are_not_there() -> None:
    theirs = place()
    exemption = waiting(theirs)
    client = browser(owner_of(TeamFactory()))

    assert client.get(at(exemption)).status_code == 404
    for act in ("approve", "reject", "end"):
        assert client.post(at(exemption), {"act": act, "reject_note": "no"}).status_code == 404
    assert client.get(f"/namespaces/{theirs.pk}/images/").status_code == 404
    assert FOREIGN not in read(client, EXEMPTIONS)
    exemption.refresh_from_db()
    assert exemption.state == "pending"


def test_nobody_asks_for_another_team_or_for_its_namespace() -> None:
    theirs, mine = place(), place("mine")
    client = browser(member_of(mine.team))

    other_team = client.post(NEW, wish(theirs))
    other_place = client.post(NEW, wish(mine, namespace=str(theirs.pk)))

    assert (other_team.status_code, other_place.status_code) == (400, 400)
    assert "Choose one of the team" in words(other_place.content.decode())
    assert not ImageExemption.objects.exists()


def test_the_violation_a_form_came_from_is_shown_to_its_team_alone() -> None:
    theirs = seen(place())

    page = read(browser(owner_of(TeamFactory())), NEW, of=str(theirs.pk))

    assert FOREIGN not in page
