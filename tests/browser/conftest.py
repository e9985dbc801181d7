"""One browser and one live platform a worker; a context, and a look at what went wrong, a test."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from . import chromium
from .live import Platform, platform
from .sheet import SECONDS, Visits

MISSING = "no browser here: `python -m tests.browser.chromium` installs one on Debian"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last of all, and where there is no browser skipped, each by its name."""
    browsers = [item for item in items if item.get_closest_marker("browser")]
    items[:] = [item for item in items if item not in set(browsers)] + browsers
    if chromium.executable() is None:
        for item in browsers:
            name = getattr(item, "originalname", item.name)
            item.add_marker(pytest.mark.skip(reason=f"{name}: {MISSING}"))


@pytest.fixture(scope="package")
def live(
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Platform]:
    """The product, served, with a database that no other test knows."""
    with django_db_blocker.unblock(), platform(tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    # What is expected of a page has as long as what is clicked on it: the machine may have much else to do.
    expect.set_options(timeout=SECONDS)
    # The driver keeps an event loop in this thread, by which Django takes us for a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as driver:
            yield driver.chromium.launch(
                executable_path=chromium.executable(), args=list(chromium.FLAGS)
            )
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def visits(live: Platform, browser: Browser) -> Iterator[Visits]:
    """Tabs for this test. An error in a console, a refused style, a failed request: the test fails."""
    found = Visits(browser, live)
    yield found
    found.close()
    assert not found.faults.found, "\n".join(found.faults.found)
