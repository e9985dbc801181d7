"""The link of a denial: filled in, before the denial arrived too."""

import pytest
from django.utils import timezone

from controlplane.policies import exemptions, sightings
from tests.browsing import browser
from tests.controlplane.console.images.stories import UNKNOWN, link, place, seen, waiting
from tests.controlplane.console.pages import HTMX, read, words
from tests.factories import (
    Who,
    approver,
    member_of,
    owner_of,
    viewer_of,
)
from tests.images import FOREIGN, sighting

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("who", [owner_of, member_of])
def test_a_denials_link_opens_the_exemption_filled_in(who: Who) -> None:
    where = place()
    violation = seen(where)

    answer = browser(who(where.team)).get(link(violation))

    html = answer.content.decode()
    assert answer.status_code == 200
    assert f'value="{FOREIGN}"' in html
    assert f'<option value="{where.pk}" selected>' in html
    assert f'name="of" value="{violation.pk}"' in html


def test_a_link_without_its_last_stroke_leads_to_the_page() -> None:
    where = place()
    violation = seen(where)

    answer = browser(owner_of(where.team)).get(link(violation).rstrip("/"), follow=True)

    assert FOREIGN in words(answer.content.decode())


def test_an_image_with_a_digest_fills_in_the_digest() -> None:
    where = place()
    digest = "sha256:" + "a" * 64
    violation = seen(where, image=f"evil.example/miner@{digest}")

    html = browser(owner_of(where.team)).get(link(violation)).content.decode()

    assert f'name="digest" value="{digest}"' in html


def test_who_may_only_look_is_told_who_asks() -> None:
    where = place()
    violation = seen(where)

    for person in (viewer_of(where.team), approver()):
        page = read(browser(person), link(violation))
        assert "Owners and members of" in page
        assert "Ask for it" not in page


def test_a_link_that_is_opened_before_its_denial_arrived_turns_into_its_page() -> None:
    where = place()
    client = browser(owner_of(where.team))
    said = sighting(where.name, at=timezone.now())
    path = f"/v/{said.same}/"
    assert client.get(path).status_code == 404
    before = client.get(path, headers=HTMX)
    assert (before.status_code, before.headers.get("HX-Refresh")) == (200, None)

    sightings.record(cluster=where.cluster, now=timezone.now(), sightings=[said])

    assert client.get(path, headers=HTMX).headers["HX-Refresh"] == "true"
    assert FOREIGN in read(client, path)


def test_a_page_that_waits_stops_asking_after_a_while() -> None:
    client = browser(owner_of(place().team))

    assert "looks again by itself" in words(client.get(UNKNOWN).content.decode())
    late = client.get(UNKNOWN, {"look": "20"}).content.decode()
    assert "should have been here by now" in words(late)
    assert "hx-trigger" not in late.partition("<main")[2]
    assert "refresh" not in late.partition("<body")[0]


def test_a_link_of_the_api_server_itself_carries_enough_for_the_form() -> None:
    where = place()
    query = {"namespace": where.name, "image": FOREIGN}

    answer = browser(member_of(where.team)).get("/v/", query)

    html = answer.content.decode()
    assert answer.status_code == 200
    assert f'value="{FOREIGN}"' in html
    assert "Not among the images allowed here" in html


def test_once_its_denial_is_here_that_link_leads_to_it() -> None:
    where = place()
    violation = seen(where)
    query = {"namespace": where.name, "image": FOREIGN}

    answer = browser(member_of(where.team)).get("/v/", query)

    assert answer["Location"] == link(violation)


def test_no_exemption_is_offered_where_none_would_help() -> None:
    where = place()
    client = browser(owner_of(where.team))
    templated = seen(where, image="{{image}}", code="templated-image")
    control = seen(where, namespace=f"{where.name}-argo")

    assert "No exemption would help here" in read(client, link(templated))
    assert "there are no exemptions in it" in read(client, link(control))
    argo = read(client, "/v/", namespace=f"{where.name}-argo", image="evil.example/other:1")
    assert "there are none for control namespaces" in argo


def test_an_exemption_that_stands_is_named_instead_of_the_form() -> None:
    where = place()
    violation = seen(where)
    exemption = waiting(where)
    client = browser(owner_of(where.team))

    assert f"exemption #{exemption.pk}" in read(client, link(violation))
    exemptions.approve(exemption, by=approver(), now=timezone.now())
    page = read(client, link(violation))
    assert "It may run until" in page
    assert "Ask for it" not in page
