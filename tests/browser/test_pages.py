"""What holds for every page of the list, in every state: seen, read, reached, and usable without scripts."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from . import keyboard, pages
from .pages import Page
from .sheet import Visits
from .world import FULL

pytestmark = pytest.mark.browser

NARROW = 390
WIDTHS = (NARROW, 768, 1440, 1920)
LEAST_SHIFT = 0.01
LOADS = 3  # of a page that jumped
GRAVE = {"serious", "critical"}
OVERFLOWING = """
() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return [];
  // What a pane scrolls is no fault of the page.
  const held = (e) => e && e !== document.body
    && (getComputedStyle(e).overflowX !== "visible" || held(e.parentElement));
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > most + 1 && !held(e.parentElement))
    .slice(0, 5).map((e) => `${e.tagName} .${e.className} ${e.textContent.trim().slice(0, 40)}`);
}
"""

every_look = pytest.mark.parametrize(
    ("page", "state"),
    [pytest.param(page, state, id=f"{page.name}-{state}") for page, state in pages.looks()],
)
every_page = pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.name) for page in pages.served()]
)


@every_look
def test_axe_finds_nothing_serious_by_day_and_by_night(
    page: Page, state: str, visits: Visits
) -> None:
    tab = visits.open(page, state)

    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        found = Axe().run(tab).response["violations"]
        assert not _grave(found), f"{theme}: {_grave(found)}"


@every_look
def test_no_page_is_wider_than_its_window(page: Page, state: str, visits: Visits) -> None:
    tab = visits.open(page, state)

    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(OVERFLOWING) == [], f"at {width} px"


@every_look
def test_nothing_jumps_while_a_page_loads(page: Page, state: str, visits: Visits) -> None:
    seen: list[Any] = []
    # What a page does of itself it does each time; a busy machine may also draw a long table before its
    # last rows were read, and then set its columns anew.
    while len(seen) < LOADS and (not seen or _moved(seen[-1]) >= LEAST_SHIFT):
        tab = visits.open(page, state)
        tab.wait_for_load_state("networkidle")
        seen.append(tab.evaluate("window.shifts"))

    assert _moved(seen[-1]) < LEAST_SHIFT, seen


def _moved(shifts: list[tuple[float, str]]) -> float:
    return sum(value for value, _ in shifts)


@every_page
def test_tab_reaches_everything_and_shows_where_it_is(page: Page, visits: Visits) -> None:
    tab = visits.open(page, FULL)

    walk = keyboard.walk(tab)

    assert walk.never_reached == []
    assert walk.not_shown == []


@every_page
def test_the_first_tab_offers_to_skip_to_the_page(page: Page, visits: Visits) -> None:
    tab = visits.open(page, FULL)
    keyboard.start(tab)

    tab.keyboard.press("Tab")
    skip = tab.locator(":focus")
    assert "Skip" in skip.inner_text()
    assert (skip.bounding_box() or {"x": -1})["x"] >= 0
    tab.keyboard.press("Enter")

    expect(tab.locator("#main")).to_be_focused()  # a browser moves it there when it draws next


@every_look
def test_a_page_answers_without_scripts(page: Page, state: str, visits: Visits) -> None:
    tab = visits.open(page, state, javascript=False)

    assert tab.locator("h1").count() >= 1
    assert tab.locator("h1").first.is_visible()


@every_page
def test_forms_can_be_sent_without_scripts(page: Page, visits: Visits) -> None:
    # What a form says to what was (not) typed is told by a 4xx; it must not be refused as a forgery
    # (403), unknown (404, 405) or break anything.
    visits.faults.expected |= {400, 409, 422}
    tab = visits.open(page, FULL, afresh=True, javascript=False)
    # The frames' own forms are sent from the first page of each only.
    # What is in a dialog is opened by a script alone; the same search has a page.
    scope = (
        "form:not(dialog form)" if page.name in {"home", "desk"} else "main form:not(dialog form)"
    )
    count = tab.locator(scope).count()

    for number in range(count):
        tab = visits.open(page, FULL, afresh=True, javascript=False)
        _send(tab, scope, number)


def _send(tab: Tab, scope: str, number: int) -> None:
    """Use the form's own button, or Enter where a single field needs none, and see a page after it."""
    # As clicking each summary would, which needs no script either.
    tab.evaluate("() => { for (const d of document.querySelectorAll('details')) d.open = true; }")
    form = tab.locator(scope).nth(number)
    form.evaluate("form => { form.noValidate = true; }")
    if not form.is_visible():
        tab.set_viewport_size(
            {"width": NARROW, "height": 900}
        )  # a menu that stands for the sidebar
    # The one after which a page comes, where another gives a file.
    button = form.locator(
        "button:not([type=button]):not([type=reset]):not([value=file]), input[type=submit]"
    ).first
    field = form.locator("input:not([type=hidden])")
    what = form.get_attribute("action") or tab.url
    with tab.expect_navigation() as arrived:
        if button.is_visible():
            button.click()
        else:
            assert field.count() == 1, f"{what} has no button that shows without scripts"
            field.press("Enter")

    assert arrived.value is not None
    assert arrived.value.status < 500, what
    assert tab.locator("h1").first.is_visible(), what


def _grave(violations: list[dict[str, object]]) -> list[str]:
    return [
        f"{v['id']} ({v['impact']}): {v['help']} {[n['html'][:120] for n in v['nodes'][:3]]}"
        for v in violations
        if v["impact"] in GRAVE
    ]
