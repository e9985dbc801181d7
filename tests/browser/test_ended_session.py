"""A session that ends while somebody types: they are led to the door, and nothing typed is lost."""

import re

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from .sheet import Visits
from .world import FULL, PASSWORD

pytestmark = pytest.mark.browser

PERSON = "owner"
TYPED = "kind: Workflow # half done"


def typed(visits: Visits, *, javascript: bool = True) -> Tab:
    """The form with YAML in it, and a session that is over."""
    places = visits.live.show(FULL, afresh=True)
    tab = visits.tab_of(PERSON, javascript=javascript)
    visits.goto(tab, f"/workflows/submit/?from=yaml&namespace={places.namespace}")
    tab.get_by_label("Manifest").fill(TYPED)
    Session.objects.all().delete()
    return tab


def sign_in(tab: Tab, name: str) -> None:
    tab.get_by_label("Name").fill(name)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()


def test_what_was_typed_is_back_after_signing_in_again(visits: Visits) -> None:
    tab = typed(visits)
    tab.get_by_role("button", name="Dry run").click()

    expect(tab.get_by_role("main")).to_contain_text("What you sent was not taken")
    expect(tab.get_by_text("What you typed is kept in this tab")).to_be_visible()
    sign_in(tab, PERSON)

    expect(tab.get_by_label("Manifest")).to_have_value(TYPED)
    expect(tab.get_by_role("main")).to_contain_text("It was not sent yet")


def test_what_was_typed_into_a_part_that_came_later_is_back_as_well(visits: Visits) -> None:
    tab = typed(visits)
    box = tab.get_by_label("Manifest")
    # As a part of a page does that renews itself.
    box.evaluate("(each) => each.form.replaceWith(each.form.cloneNode(true))")
    box.fill(TYPED)
    tab.get_by_role("button", name="Dry run").click()
    sign_in(tab, PERSON)

    expect(box).to_have_value(TYPED)


def test_a_secret_that_was_typed_is_kept_nowhere(visits: Visits) -> None:
    visits.live.show(FULL)
    tab = visits.tab_of(PERSON)
    visits.goto(tab, "/secrets/new/?kind=opaque")

    tab.get_by_label("Name", exact=True).fill("webhook")
    tab.get_by_label("Text", exact=True).first.fill("open sesame")

    kept = tab.evaluate("sessionStorage.getItem('argosy.typed')")
    assert "webhook" in kept
    assert "sesame" not in kept


def test_what_was_typed_is_given_back_to_nobody_else(visits: Visits) -> None:
    tab = typed(visits)
    tab.get_by_role("button", name="Dry run").click()
    sign_in(tab, "member")

    expect(tab).to_have_url(re.compile("/workflows/submit/"))
    expect(tab.get_by_text(TYPED)).to_have_count(0)


def test_without_scripts_it_is_said_how_to_get_it_back(visits: Visits) -> None:
    tab = typed(visits, javascript=False)
    tab.get_by_role("button", name="Dry run").click()

    expect(tab.get_by_role("main")).to_contain_text("What you sent was not taken")
    assert "Back shows what you typed" in tab.locator("main noscript").inner_text()
