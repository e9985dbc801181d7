"""Keys that go somewhere from anywhere, and never out of a field that somebody types in."""

import pytest
from playwright.sync_api import expect

from .live import Platform
from .sheet import Visits
from .world import FULL

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("person", "key", "path"),
    [("owner", "n", "/namespaces/"), ("viewer", "w", "/workflows/"), ("approver", "i", "/inbox/")],
)
def test_g_and_a_letter_go_to_a_page(
    person: str, key: str, path: str, visits: Visits, live: Platform
) -> None:
    live.show(FULL)
    tab = visits.tab_of(person)
    visits.goto(tab, "/teams/")

    tab.keyboard.press("g")
    tab.keyboard.press(key)

    tab.wait_for_url(f"**{path}")


def test_keys_typed_into_a_field_and_keys_of_no_page_go_nowhere(
    visits: Visits, live: Platform
) -> None:
    live.show(FULL)
    tab = visits.tab_of("viewer")
    visits.goto(tab, "/teams/")
    box = tab.get_by_role("searchbox").first

    for key in ("g", "i", "n"):  # no inbox for a viewer, and after it the `g` is over
        tab.keyboard.press(key)
    tab.keyboard.press("/")
    box.press_sequentially("gn")

    expect(box).to_have_value("gn")
    assert tab.url.endswith("/teams/")
