"""A page as it stands in a browser, and everything that went wrong while it was there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Request, Response
from playwright.sync_api import Page as Tab

from .live import Platform
from .pages import Page
from .world import ERROR

HEIGHT = 900
WIDTH = 1440
SECONDS = 15_000
# What a browser says of a request that the page itself gave up, by going elsewhere.
GIVEN_UP = "net::ERR_ABORTED"
# And what htmx says of one for which it sent a newer one; of one that failed it says htmx:sendError as well.
LET_GO = ("htmx:afterRequest", "htmx:sendAbort")
WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) if (!e.hadRecentInput) {
    window.shifts.push([e.value, e.sources.map((s) => s.node && s.node.nodeName).join(" ")]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass
class Faults:
    """What the console, the policy or the network complained of; `expected` answers are none."""

    expected: set[int] = field(default_factory=set)
    found: list[str] = field(default_factory=list)

    def watch(self, tab: Tab) -> None:
        tab.on("console", self._said)
        tab.on("pageerror", lambda error: self.found.append(f"script: {error}"))
        tab.on("requestfailed", self._failed)
        tab.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        # The console repeats every bad answer; it is counted once, where the status is known.
        told = message.text.startswith(LET_GO) or "Failed to load resource" in message.text
        if message.type == "error" and not told:
            self.found.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != GIVEN_UP:
            self.found.append(f"failed: {request.method} {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.found.append(f"answer: {response.status} for {response.url}")


@dataclass
class Visits:
    """The tabs of one test. Each is signed in as the person its page is for."""

    browser: Browser
    live: Platform
    faults: Faults = field(default_factory=Faults)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, page: Page, state: str, *, afresh: bool = False, **options: Any) -> Tab:
        """The page in this state, loaded."""
        places = self.live.show(state, afresh=afresh)
        self.faults.expected.add(page.status)
        if state == ERROR:
            # A page that is nothing without its cluster may say so by its status.
            self.faults.expected.add(503)
        tab = self.tab_of(page.person, **options)
        self.goto(tab, page.path(places))
        return tab

    def tab_of(self, person: str, *, javascript: bool = True, width: int = WIDTH) -> Tab:
        """An empty tab of somebody who is signed in; of nobody for ''."""
        context = self.browser.new_context(
            base_url=self.live.url,
            viewport={"width": width, "height": HEIGHT},
            java_script_enabled=javascript,
            reduced_motion="reduce",
        )
        context.set_default_timeout(SECONDS)
        self.contexts.append(context)
        if person:
            session = self.live.cookie_of(person)
            context.add_cookies([{"name": "sessionid", "value": session, "url": self.live.url}])
        context.add_init_script(WATCH_SHIFTS)
        tab = context.new_page()
        self.faults.watch(tab)
        return tab

    def goto(self, tab: Tab, path: str) -> Response:
        """Go there and let everything the page asks for arrive."""
        answer = tab.goto(path, wait_until="load")
        assert answer is not None, f"{path} gave no document"
        return answer

    def close(self) -> None:
        for context in self.contexts:
            context.close()


Opens = Callable[..., Tab]
