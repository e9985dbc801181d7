"""A walk through a page with the Tab key alone."""

from dataclasses import dataclass

from playwright.sync_api import Page as Tab

# What Tab should stop at: what is there to be used and can be seen. Of a group of radio buttons it stops
# at one, and the arrows do the rest.
FROM_THE_TOP = "() => { document.body.tabIndex = -1; document.body.focus(); }"
NUMBER_THEM = """
() => {
  const usable = "a[href], button, input, select, textarea, summary, [tabindex]";
  // A link in a drawing is shown by the line around its shape.
  const looks = (e) => [e, e.closest("label"), e.parentElement, e.nextElementSibling,
                        e.closest("svg") && e.querySelector("rect, circle")]
    .filter(Boolean).map((each) => {
      const s = getComputedStyle(each);
      return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderColor,
              s.backgroundColor, s.textDecorationLine, s.stroke, s.strokeWidth].join(" ");
    }).join(" | ");
  const groups = new Set();
  window.walked = {};
  window.stops = [...document.querySelectorAll(usable)].filter((e) => {
    if (e.disabled || e.tabIndex < 0 || e.type === "hidden") return false;
    if (!e.checkVisibility({ checkVisibilityCSS: true, contentVisibilityAuto: true })) return false;
    if (e.type === "radio") {
      const group = `${e.form ? [...document.forms].indexOf(e.form) : ""} ${e.name}`;
      if (groups.has(group)) return false;
      groups.add(group);
    }
    return true;
  });
  const before = new Map(window.stops.map((e) => [e, looks(e)]));
  document.addEventListener("focusin", (event) => {
    let e = event.target;
    if (e.type === "radio") {
      e = window.stops.find((o) => o.type === "radio" && o.name === e.name && o.form === e.form) || e;
    }
    const number = window.stops.indexOf(e);
    if (number < 0) return;
    window.walked[number] = e.matches(":focus-visible") || event.target.matches(":focus-visible")
      ? looks(e) !== before.get(e) || event.target !== e : false;
  });
  return window.stops.length;
}
"""
TOLD = """
(numbers) => numbers.map((n) => window.stops[n]).filter((e) => e.isConnected)
  .map((e) => e.outerHTML.slice(0, 140))
"""
SPARE = 12  # panes that scroll are stops too, though nothing in them is used


@dataclass(frozen=True)
class Walk:
    """What Tab never came to, and what it came to without showing it."""

    never_reached: list[str]
    not_shown: list[str]


def start(tab: Tab) -> None:
    """Stand before everything, wherever the page has put the caret."""
    tab.evaluate(FROM_THE_TOP)


def walk(tab: Tab) -> Walk:
    """Press Tab until everything was met, or for longer than that could take."""
    tab.wait_for_load_state("networkidle")  # what is still being fetched takes others' places
    start(tab)
    count = tab.evaluate(NUMBER_THEM)
    for pressed in range(count + SPARE):
        tab.keyboard.press("Tab")
        if pressed >= count - 1 and len(tab.evaluate("window.walked")) == count:
            break
    walked = {int(number): shown for number, shown in tab.evaluate("window.walked").items()}
    missed = [number for number in range(count) if number not in walked]
    silent = [number for number, shown in walked.items() if not shown]
    return Walk(tab.evaluate(TOLD, missed), tab.evaluate(TOLD, silent))
