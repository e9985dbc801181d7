"""The look at what went wrong sees what it is there to see, or no other test here means anything."""

import time

import pytest

from .pages import PAGES
from .sheet import Visits
from .world import FULL

pytestmark = pytest.mark.browser

SIGN_IN = PAGES[0]
DEADLINE = 10.0


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("document.body.innerHTML += '<p style=\"color: red\">x</p>'", "Content Security Policy"),
        (
            "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:1/'}))",
            "Policy",
        ),
        ("setTimeout(() => { throw new Error('planted') })", "planted"),
        ("fetch('/no-such-page/')", "answer: 404"),
        ("console.error('planted')", "planted"),
    ],
)
def test_a_fault_is_seen(script: str, told: str, visits: Visits) -> None:
    tab = visits.open(SIGN_IN, FULL)

    tab.evaluate(f"() => {{ {script} }}")
    deadline = time.monotonic() + DEADLINE
    while not visits.faults.found and time.monotonic() < deadline:
        tab.wait_for_timeout(20)  # the browser tells of it when it comes to it

    assert any(told in fault for fault in visits.faults.found), visits.faults.found
    visits.faults.found.clear()


def test_a_page_without_a_fault_has_none(visits: Visits) -> None:
    visits.open(SIGN_IN, FULL)

    assert visits.faults.found == []
