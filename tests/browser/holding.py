"""Answers that come as late as a test wants: what somebody does in between is what it is about."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from playwright.sync_api import Error, Route
from playwright.sync_api import Page as Tab

LOOK_EVERY_MS = 20
LOOKS = 500  # at most: ten seconds


class Held:
    """Requests that were sent and are not answered yet."""

    def __init__(self, tab: Tab) -> None:
        self._tab, self._routes, self._free = tab, list[Route](), False

    def take(self, route: Route) -> None:
        if self._free:
            route.continue_()
        else:
            self._routes.append(route)

    def __len__(self) -> int:
        return len(self._routes)

    def wait(self) -> None:
        """Until one was sent."""
        for _ in range(LOOKS):
            if self._routes:
                return
            self._tab.wait_for_timeout(LOOK_EVERY_MS)  # which lets the browser tell of requests
        raise AssertionError("nothing was sent")

    def let_go(self) -> None:
        self._free = True
        for route in self._routes:
            with suppress(Error):  # one that the page has given up meanwhile
                route.continue_()


@contextmanager
def held(tab: Tab, pattern: str) -> Iterator[Held]:
    """No answer for these until the block ends; then all of them, in the order they were asked."""
    asked = Held(tab)
    tab.route(pattern, asked.take)
    yield asked
    asked.let_go()
