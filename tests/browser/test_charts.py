"""What is drawn of a chart's table: where its points stand, and what its legend says."""

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from .live import Platform
from .sheet import Visits
from .world import FULL

pytestmark = pytest.mark.browser

ONE_TIME = """() => {
  const rows = [...document.querySelectorAll("[data-chart] [data-table] tbody tr")];
  const charts = new Set();
  for (const row of rows.toReversed()) {
    const chart = row.closest("[data-chart]");
    if (charts.has(chart)) row.remove(); else charts.add(chart);
  }
  document.body.dispatchEvent(new CustomEvent("htmx:afterSettle", { bubbles: true }));
}"""
# Whether what has the colour of the chart's last line stands there; nothing does before it is drawn.
STANDS_IN_THE_MIDDLE = """() => {
  const chart = document.querySelector("[data-chart]"), canvas = chart.querySelector("canvas");
  const over = chart.querySelector(".u-over").getBoundingClientRect();
  const left = over.left - canvas.getBoundingClientRect().left, zoom = canvas.width / canvas.clientWidth;
  const marker = [...chart.querySelectorAll(".u-legend .u-marker")].at(-1);
  const ink = getComputedStyle(marker).borderColor.match(/\\d+/g);
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = [];
  for (let at = 0; at < data.length; at += 4) {
    if (ink.every((part, n) => Math.abs(data[at + n] - part) < 8)) found.push((at / 4) % width);
  }
  const at = found.reduce((sum, x) => sum + x, 0) / found.length / zoom;
  return Math.abs((at - left) / over.width - 0.5) < 0.02;
}"""


@pytest.fixture
def usage(visits: Visits, live: Platform) -> Tab:
    live.show(FULL)
    tab = visits.tab_of("owner")
    visits.goto(tab, "/usage/")
    return tab


def test_a_single_time_stands_in_the_middle_of_its_chart_and_not_before_years_of_nothing(
    usage: Tab,
) -> None:
    usage.evaluate(ONE_TIME)
    expect(usage.locator("[data-chart] canvas").first).to_be_visible()

    usage.wait_for_function(STANDS_IN_THE_MIDDLE)  # it is drawn when the browser comes to it
