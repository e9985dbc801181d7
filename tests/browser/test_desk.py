"""What the platform's people do at the desk, with scripts off, with the keyboard alone, and at night."""

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from . import pages
from .sheet import Visits
from .world import FULL

pytestmark = pytest.mark.browser

(NAMESPACES,) = (page for page in pages.PAGES if page.name == "desk-namespaces")
(FLEET,) = (page for page in pages.PAGES if page.name == "desk")
NARROW = {"width": 390, "height": 900}
WHERE = "document.activeElement.closest('.hits') !== null"


def _without_scripts(visits: Visits) -> Tab:
    return visits.open(NAMESPACES, FULL, afresh=True, javascript=False)


def test_an_act_on_chosen_rows_shows_its_results_without_scripts(visits: Visits) -> None:
    tab = _without_scripts(visits)

    for name in ("payments-00001", "payments-00002"):
        tab.get_by_role("row", name=name).get_by_role("checkbox").check()
    tab.get_by_role("group", name="chosen rows").get_by_role("combobox").select_option("pause")
    tab.get_by_label("Reason").fill("The registry moves tonight")
    tab.get_by_role("button", name="Run").click()

    expect(tab.get_by_text("Pause: 2 done")).to_be_visible()
    expect(tab.get_by_role("row", name="payments-00002")).to_contain_text("done")


def test_a_list_is_filtered_searched_and_ordered_without_scripts(visits: Visits) -> None:
    tab = _without_scripts(visits)

    tab.get_by_text("Filters", exact=True).click()
    tab.get_by_role("link", name="failing").click()
    expect(tab.locator("#result_list .data-row")).to_have_count(1)
    tab.get_by_role("link", name="Clear all filters").click()
    tab.get_by_label("Search this list").fill("00004")
    tab.get_by_label("Search this list").press("Enter")
    expect(tab.locator("#result_list .data-row")).to_have_count(1)
    tab.get_by_role("link", name="Failures").click()
    expect(tab.get_by_role("columnheader", name="Failures")).to_have_attribute(
        "aria-sort", "ascending"
    )


def test_everything_is_searched_without_scripts(visits: Visits) -> None:
    tab = _without_scripts(visits)

    box = tab.get_by_label("Search everything on the desk").locator("visible=true")
    box.fill("00003")
    box.press("Enter")

    tab.locator("main").get_by_role("link", name="payments-00003 on us-2 namespace").click()
    expect(tab.locator("h1")).to_contain_text("payments-00003")


def test_the_menu_of_a_narrow_window_opens_without_scripts(visits: Visits) -> None:
    tab = _without_scripts(visits)
    tab.set_viewport_size(NARROW)

    tab.locator("summary[aria-label=Menu]").click()
    tab.get_by_role("link", name="Clusters").click()

    expect(tab.locator("h1")).to_have_text("Clusters")


def test_no_script_and_a_dark_system_is_a_dark_desk(visits: Visits) -> None:
    tab = _without_scripts(visits)

    tab.emulate_media(color_scheme="dark")

    expect(tab.locator("body")).to_have_css("background-color", "rgb(14, 19, 26)")


def test_ctrl_k_finds_a_namespace_with_the_keyboard_alone(visits: Visits) -> None:
    tab = visits.open(FLEET, FULL)

    tab.keyboard.press("Control+k")
    tab.keyboard.type("00003")
    # Not the hits of the first few letters, which may come in between.
    expect(tab.locator(".hits[data-words='00003']:visible a").first).to_be_visible()
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(WHERE)
    tab.keyboard.press("Enter")

    expect(tab.locator("h1")).to_contain_text("payments-00003")


def test_escape_closes_a_menu_and_gives_the_caret_back(visits: Visits) -> None:
    tab = visits.open(FLEET, FULL)
    menu = tab.locator("details.me")

    menu.locator("summary").press("Enter")
    expect(menu).to_have_attribute("open", "")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Escape")

    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


def test_one_box_chooses_every_row_of_the_page(visits: Visits) -> None:
    tab = visits.open(NAMESPACES, FULL)
    rows = tab.locator("#result_list .data-row").count()

    tab.locator("#action-toggle").check()

    expect(tab.locator("[data-chosen]")).to_have_text(f"{rows} chosen")
