"""The switcher, by keys: opened from anywhere, typed into, followed, closed."""

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from .live import Platform
from .sheet import Visits
from .world import FULL

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(visits: Visits, live: Platform) -> Tab:
    """The list of workflows, with the switcher just opened."""
    live.show(FULL)
    tab = visits.tab_of("viewer")
    visits.goto(tab, "/workflows/")
    tab.keyboard.press("g")
    tab.keyboard.press("t")
    return tab


def test_it_lists_namespaces_as_soon_as_it_is_open(opened: Tab) -> None:
    found = opened.locator("#switch-found")

    expect(found.get_by_role("link", name="payments-00003")).to_be_visible()


def test_what_is_typed_finds_a_namespace_and_leads_to_its_part_of_the_open_page(
    opened: Tab,
) -> None:
    opened.keyboard.type("00003")
    link = opened.locator("#switch-found").get_by_role("link")
    expect(link).to_have_count(1)

    link.press("Enter")

    opened.wait_for_url("**/workflows/?namespace=payments-00003&cluster=*")


def test_the_first_key_after_it_opens_is_taken_however_fast(visits: Visits, live: Platform) -> None:
    live.show(FULL)
    tab = visits.tab_of("viewer")
    visits.goto(tab, "/workflows/")

    focused = tab.evaluate(
        "document.querySelector('details.switch > summary').click(); document.activeElement.name"
    )

    assert focused == "q"


def test_escape_closes_it_and_gives_the_focus_back(opened: Tab) -> None:
    box = opened.get_by_role("searchbox", name="Find a team or a namespace")
    expect(box).to_be_focused()

    opened.keyboard.press("Escape")

    expect(box).to_be_hidden()
    expect(opened.locator("details.switch > summary")).to_be_focused()
