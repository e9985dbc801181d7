"""`make screenshots`: every page in every state, by day and by night, wide and narrow.

Into `.argosy/screenshots/`, with a sheet of them all in `index.html`. Words on the command line choose
pages by their names: `python -m tests.browser.screenshots home inbox`.
"""

import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
# The driver keeps an event loop in this thread, by which Django takes us for a coroutine.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
KEPT = Path(os.environ.get("ARGOSY_HOME", ".argosy")).absolute() / "screenshots"

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from playwright.sync_api import Page as Tab  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser import chromium, pages  # noqa: E402
from tests.browser.live import platform  # noqa: E402
from tests.browser.pages import Page  # noqa: E402
from tests.browser.sheet import Visits  # noqa: E402

# The page that is not there is photographed too, and is no news.
logging.getLogger("django.request").setLevel(logging.ERROR)
THEMES = ("light", "dark")
WIDTHS = (1440, 390)
HEIGHT = 900
TALLEST = 2_400  # a page of more is cut: nobody looks at a metre of rows
SHEET = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Argosy, every page</title>
<style>body{{font:14px system-ui;margin:24px;background:#ddd}}section{{margin:0 0 32px}}
div{{display:flex;gap:12px;align-items:flex-start;flex-wrap:wrap}}img{{height:420px;background:#fff}}
</style><h1>{count} screenshots</h1>{sections}</html>"""


def main(names: Sequence[str]) -> int:
    """Take them all; exit code 1 if a page complained, with what it said."""
    chosen = [(p, s) for p, s in pages.looks() if not names or p.name in names]
    if (program := chromium.executable()) is None:
        print("error: no browser; `python -m tests.browser.chromium` installs one", file=sys.stderr)  # noqa: T201
        return 1
    if not names:
        shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    began, complaints = time.monotonic(), []
    with platform(Path(settings.HOME)) as live, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(chromium.FLAGS))
        for page, state in chosen:
            visits = Visits(browser, live)
            _take(visits.open(page, state), page, state)
            visits.close()
            complaints += [f"{page.name} {state}: {fault}" for fault in visits.faults.found]
    (KEPT / "index.html").write_text(_sheet(chosen), encoding="utf-8")
    count = len(chosen) * len(THEMES) * len(WIDTHS)
    print(f"{count} screenshots in {time.monotonic() - began:.0f} s: {KEPT / 'index.html'}")  # noqa: T201
    for line in [*complaints, *(f"not there yet: {name}" for name in pages.missing())]:
        print(line, file=sys.stderr)  # noqa: T201
    return 1 if complaints else 0


def _take(tab: Tab, page: Page, state: str) -> None:
    """One page in each theme and width, without loading it again."""
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": HEIGHT})
        tall = min(tab.evaluate("document.documentElement.scrollHeight"), TALLEST)
        for theme in THEMES:
            tab.emulate_media(color_scheme=theme)
            tab.screenshot(
                path=KEPT / _file(page, state, theme, width),
                full_page=True,
                clip={"x": 0, "y": 0, "width": width, "height": max(tall, HEIGHT)},
            )


def _file(page: Page, state: str, theme: str, width: int) -> str:
    return f"{page.name}-{state}-{theme}-{width}.png"


def _sheet(chosen: Sequence[tuple[Page, str]]) -> str:
    sections = "".join(
        f"<section><h2>{escape(page.name)} · {escape(state)}</h2><div>"
        f"{''.join(_images(page, state))}</div></section>"
        for page, state in sorted(chosen, key=lambda look: pages.PAGES.index(look[0]))
    )
    return SHEET.format(count=len(chosen) * len(THEMES) * len(WIDTHS), sections=sections)


def _images(page: Page, state: str) -> Iterator[str]:
    for width in WIDTHS:
        for theme in THEMES:
            name = escape(_file(page, state, theme, width))
            yield f'<a href="{name}"><img src="{name}" alt="{name}" loading="lazy"></a>'


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
