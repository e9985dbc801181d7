// A page that renews itself keeps the place that somebody scrolled to, and a log stays at its end if it was there.
"use strict";
(() => {
  const END = 40, MOST = 2_000_000;
  const places = new Map(), known = new WeakSet();
  let atEnd = true;
  // Whoever scrolled away from the end of a log is told that it no longer moves, and how it does again.
  const stay = (end) => {
    atEnd = end;
    const paused = document.querySelector("[data-paused]");
    if (paused) paused.hidden = atEnd || !document.querySelector("[data-keep-end] [hx-get]");
  };
  const toEnd = (log) => { log.scrollTop = log.scrollHeight; };
  document.addEventListener("scroll", ({ target }) => {
    if (target.dataset?.keepScroll) places.set(target.dataset.keepScroll, [target.scrollLeft, target.scrollTop]);
    if (target.dataset && "keepEnd" in target.dataset) stay(target.scrollHeight - target.scrollTop - target.clientHeight < END);
  }, true);
  document.addEventListener("htmx:afterSettle", () => {
    for (const each of document.querySelectorAll("[data-keep-scroll]")) {
      const place = places.get(each.dataset.keepScroll);
      if (place && !known.has(each)) [each.scrollLeft, each.scrollTop] = place;
      known.add(each);
    }
    const log = document.querySelector("[data-keep-end]");
    if (!log) return;
    while (log.textContent.length > MOST && log.children.length > 2) log.firstElementChild.remove();
    stay(atEnd || !known.has(log));
    known.add(log);
    if (atEnd) toEnd(log);
  });
  document.addEventListener("click", ({ target }) => {
    const log = target.closest("[data-follow]") && document.querySelector("[data-keep-end]");
    if (log) { toEnd(log); stay(true); log.focus(); }
  });
})();
