// Ctrl-K opens the palette: the search page's own answer, over the page one is on.
"use strict";
(() => {
  const palette = document.getElementById("palette");
  if (!palette) return;
  const box = palette.querySelector("input"), form = palette.querySelector("form"), found = palette.querySelector("#palette-found");
  const open = () => {
    palette.showModal();
    box.select();
    box.dispatchEvent(new Event("palette"));
  };
  // What is listed may still be what an earlier text found: whoever types fast is led to none of that.
  let foundFor = null;
  const answered = () => foundFor === box.value;
  // Arrows go from the box through what was found and back; the box stays where one types.
  const step = (by) => {
    const stops = [box, ...(answered() ? found.querySelectorAll("a") : [])];
    const next = stops.indexOf(document.activeElement) + by;
    stops[(next + stops.length) % stops.length].focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey) {
      event.preventDefault();
      if (palette.open) palette.close(); else open();
    } else if (palette.open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    }
  });
  // Enter goes to the first thing found, once it is found; with nothing found it asks the whole page.
  let goes = false;
  const go = () => {
    const first = found.querySelector("a");
    if (first) first.click(); else form.submit();
  };
  form.addEventListener("submit", (event) => {
    if (!window.htmx) return;
    event.preventDefault();
    if (answered()) go();
    else if (!goes) { goes = true; box.dispatchEvent(new Event("palette")); }
  });
  found.addEventListener("htmx:afterSwap", ({ detail }) => {
    foundFor = detail.requestConfig.parameters.q;
    if (goes && palette.open && answered()) { goes = false; go(); }
  });
  for (const kind of ["htmx:sendError", "htmx:responseError"]) box.addEventListener(kind, () => { if (goes) form.submit(); });
  box.addEventListener("input", () => { goes = false; });
  palette.addEventListener("close", () => { goes = false; });
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
})();
// The switcher takes what is typed as soon as it is open; Escape closes it, and goes back to where it was opened.
(() => {
  const list = document.querySelector("details.switch");
  if (!list) return;
  // Opened here and not by the browser, whose `toggle` comes later than the next key of somebody who types fast.
  list.querySelector("summary").addEventListener("click", (event) => {
    event.preventDefault();
    list.open = !list.open;
    if (list.open) list.querySelector("input[type=search]").focus();
  });
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !list.open) return;
    list.open = false;
    list.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => { if (list.open && !list.contains(event.target)) list.open = false; });
})();
