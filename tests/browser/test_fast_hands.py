"""Somebody who is faster than the network: what they did last counts, not the answer to what was before."""

import re
import time

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from . import pages
from .holding import held
from .live import Platform
from .sheet import Visits
from .world import FULL

pytestmark = pytest.mark.browser

READY_SECONDS = 60.0
(NEW_REQUEST,) = (page for page in pages.PAGES if page.name == "new-request")
(REQUEST,) = (page for page in pages.PAGES if page.name == "request")
(WORKFLOW,) = (page for page in pages.PAGES if page.name == "workflow")
(FLEET,) = (page for page in pages.PAGES if page.name == "desk")


def palette_of(visits: Visits, live: Platform) -> Tab:
    """The palette over the list of teams, with what it shows before anything is typed."""
    live.show(FULL)
    tab = visits.tab_of("viewer")
    visits.goto(tab, "/teams/")
    tab.keyboard.press("Control+k")
    expect(tab.locator("#palette-found a").first).to_be_visible()
    return tab


def test_enter_goes_to_what_was_typed_and_not_to_what_was_listed_before(
    visits: Visits, live: Platform
) -> None:
    tab = palette_of(visits, live)

    with held(tab, "**/search/?q=payments-00003*") as asked:
        tab.keyboard.type("payments-00003")
        tab.keyboard.press("Enter")
        asked.wait()
        assert tab.url.endswith("/teams/")

    tab.wait_for_url(re.compile(r"/namespaces/\d+/$"))
    expect(tab.get_by_role("heading", level=1)).to_have_text("payments-00003")


def test_enter_asks_the_search_page_if_what_was_typed_gets_no_answer(
    visits: Visits, live: Platform
) -> None:
    tab = palette_of(visits, live)
    tab.route(
        "**/search/?q=payments*",
        lambda route: (
            route.abort() if route.request.headers.get("hx-request") else route.continue_()
        ),
    )

    tab.keyboard.type("payments-00003")
    tab.keyboard.press("Enter")

    tab.wait_for_url("**/search/?q=payments-00003")
    expect(tab.get_by_role("main").get_by_role("link", name="payments-00003").first).to_be_visible()
    visits.faults.found.clear()  # the answer that was kept from it


def test_arrows_lead_to_no_hit_of_an_earlier_text(visits: Visits, live: Platform) -> None:
    tab = palette_of(visits, live)
    box = tab.get_by_role("dialog").get_by_role("searchbox")

    with held(tab, "**/search/?q=payments-00003*"):
        tab.keyboard.type("payments-00003")
        tab.keyboard.press("ArrowDown")
        expect(box).to_be_focused()
    expect(tab.locator("#palette-found a").first).to_contain_text("payments-00003")
    tab.keyboard.press("ArrowDown")

    expect(tab.locator("#palette-found a").first).to_be_focused()


def test_a_tier_chosen_before_the_teams_answer_came_stays_chosen(visits: Visits) -> None:
    tab = visits.open(NEW_REQUEST, FULL)
    chosen = tab.locator("input[name=tier]:not(:checked)").first
    name = chosen.get_attribute("value")

    with held(tab, "**/requests/new/check/?field=team") as asked:
        tab.get_by_label("Team", exact=True).select_option("")
        asked.wait()
        tab.locator(f"label:has([value='{name}'])").click()

    expect(tab.locator("#what")).to_contain_text(re.compile(f"Tier {name}", re.IGNORECASE))
    expect(tab.locator("input[name=tier]:checked")).to_have_value(str(name))


def plans_of(visits: Visits, live: Platform) -> Tab:
    """One plan that an approver reads, ticked; looked at again while its cluster is still being asked."""
    places = live.show(FULL)
    tab = visits.tab_of("approver")
    visits.goto(tab, f"/inbox/plans/?chosen={places.request}")
    deadline = time.monotonic() + READY_SECONDS
    while not tab.locator("input[name=chosen]").count() and time.monotonic() < deadline:
        tab.reload()
    expect(tab.locator("#together")).to_contain_text("Payments")
    return tab


def test_what_is_ticked_last_is_what_is_added_up(visits: Visits, live: Platform) -> None:
    tab = plans_of(visits, live)
    box = tab.locator("input[name=chosen]")

    with held(tab, "**/inbox/together/*") as asked:
        box.uncheck()
        asked.wait()
        box.check()
        box.uncheck()
        box.check()

    tab.wait_for_load_state("networkidle")
    expect(tab.locator("#together")).to_contain_text("Payments")


def test_a_tick_at_the_moment_of_an_answer_is_added_up_as_well(
    visits: Visits, live: Platform
) -> None:
    tab = plans_of(visits, live)
    box = tab.locator("input[name=chosen]")
    box.evaluate(
        "(each) => document.addEventListener('htmx:afterSwap', () => each.click(), {once: true})"
    )

    with tab.expect_response("**/inbox/together/?chosen=*"):
        box.click()  # unticks it, and the answer ticks it again: how it stands then is not asked here

    expect(tab.locator("#together")).to_contain_text("Payments")


def test_a_comment_sent_by_a_double_click_is_sent_once(visits: Visits) -> None:
    tab = visits.open(REQUEST, FULL, afresh=True)
    sent: list[str] = []
    tab.on("request", lambda each: sent.append(each.url) if each.method == "POST" else None)
    tab.get_by_label("Comment").fill("Twice is too often.")

    tab.get_by_role("button", name="Comment").dblclick()

    expect(tab.locator("#story").get_by_text("Twice is too often.")).to_have_count(1)
    assert len(sent) == 1


def test_where_somebody_stands_outlives_what_a_page_renews(visits: Visits) -> None:
    tab = visits.open(WORKFLOW, FULL)
    visits.goto(tab, f"{tab.url}?view=list")
    link = tab.locator("#steps").get_by_role("link").first
    link.focus()
    link.evaluate("(each) => each.setAttribute('data-before', '')")

    # As the page's own look does, at a moment of the test's choosing.
    tab.evaluate("htmx.ajax('GET', `${location.href}&polls=1&acts=`, '#poll')")

    expect(tab.locator("[data-before]")).to_have_count(0)
    expect(link).to_be_focused()


def test_hits_for_somebody_who_went_on_stay_away(visits: Visits) -> None:
    tab = visits.open(FLEET, FULL)
    tab.keyboard.press("Control+k")

    with held(tab, "**/search/?*part=1*") as asked:
        tab.keyboard.type("00003")
        asked.wait()
        tab.keyboard.press("Tab")
    tab.wait_for_load_state("networkidle")

    expect(tab.locator(".hits:visible")).to_have_count(0)
