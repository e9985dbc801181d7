// A page that renews itself keeps the place that somebody scrolled to, and a log stays at its end if it was there.
"use strict";
(() => {
  const END = 40, MOST = 2_000_000;
  const places = new Map();
  let wasAtEnd = true;
  document.addEventListener("htmx:beforeSwap", () => {
    for (const each of document.querySelectorAll("[data-keep-scroll]")) places.set(each.dataset.keepScroll, [each.scrollLeft, each.scrollTop]);
    const log = document.querySelector("[data-keep-end]");
    wasAtEnd = !log || log.scrollHeight - log.scrollTop - log.clientHeight < END;
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const each of document.querySelectorAll("[data-keep-scroll]")) {
      const place = places.get(each.dataset.keepScroll);
      if (place) [each.scrollLeft, each.scrollTop] = place;
    }
    const log = document.querySelector("[data-keep-end]");
    if (!log) return;
    while (log.textContent.length > MOST && log.children.length > 2) log.firstElementChild.remove();
    if (wasAtEnd) log.scrollTop = log.scrollHeight;
  });
})();
