// The desk works without this file; it only saves a click here and there.
"use strict";
(() => {
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const seen = (found) => [...found].find((each) => each.checkVisibility());

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
    if (event.target.closest("#changelist-form")) chosen(event.target);
  });

  // Rows: all of the page at once, and how many there are.
  const chosen = (changed) => {
    const boxes = [...document.querySelectorAll("input.action-select")];
    const all = document.getElementById("action-toggle");
    if (changed === all) for (const box of boxes) box.checked = all.checked;
    const count = boxes.filter((box) => box.checked).length;
    if (all) {
      all.checked = count === boxes.length;
      all.indeterminate = count > 0 && count < boxes.length;
    }
    const told = document.querySelector("[data-chosen]");
    const across = document.querySelector("[name=select_across]");
    if (told) told.textContent = across && across.checked ? "All are chosen" : count ? `${count} chosen` : "With the chosen rows";
  };

  // Menus close by Escape, and when one goes elsewhere.
  const close = (but) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(but)) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => close(event.target));
  document.addEventListener("focusin", (event) => close(event.target));

  const find = () => {
    const fold = document.querySelector("details.fold");
    if (fold && fold.checkVisibility()) fold.open = true;
    const box = seen(document.querySelectorAll(".find[data-find] input"));
    if (box) { box.focus(); box.select(); }
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = event.target.closest("details[data-menu][open]");
      hide(event.target.closest(".find"));
      if (menu && !event.target.matches("input")) menu.querySelector("summary").focus();
      if (menu) menu.open = false;
    } else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey) {
      event.preventDefault();
      find();
    } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) {
      const box = seen(document.querySelectorAll("[data-slash]"));
      if (box) { event.preventDefault(); box.focus(); box.select(); }
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const form = event.target.closest(".find[data-find]");
      const stops = form ? [form.querySelector("input"), ...(answered(form) ? form.querySelectorAll(".hits a") : [])] : [];
      if (stops.length < 2) return;
      event.preventDefault();
      const next = stops.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
      stops[(next + stops.length) % stops.length].focus();
    }
  });

  // The first hits below the box one types in; Enter asks for the page of them.
  let waiting = 0;
  let asked = new AbortController();
  const drop = () => { clearTimeout(waiting); asked.abort(); };
  const hide = (form) => {
    if (!form || !form.dataset.find) return;
    drop();  // an answer still to come would open it again
    form.querySelector(".hits").hidden = true;
  };
  // Hits may still be those of an earlier text: no arrow leads to them.
  const answered = (form) => {
    const hits = form.querySelector(".hits");
    return !hits.hidden && hits.dataset.words === form.querySelector("input").value;
  };
  document.addEventListener("focusout", (event) => {
    const form = event.target.closest(".find[data-find]");
    if (form && !form.contains(event.relatedTarget)) hide(form);
  });
  document.addEventListener("input", (event) => {
    const form = event.target.closest(".find[data-find]");
    if (!form) return;
    drop();
    if (!event.target.value.trim()) { hide(form); return; }
    waiting = setTimeout(async () => {
      asked = new AbortController();
      const typed = event.target.value;
      const words = new URLSearchParams({ s: typed, part: "1" });
      try {
        const answer = await fetch(`${form.action}?${words}`, { signal: asked.signal });
        if (!answer.ok || answer.redirected) return;
        const hits = form.querySelector(".hits");
        hits.innerHTML = await answer.text();
        hits.dataset.words = typed;
        hits.hidden = false;
      } catch (error) {
        if (error.name !== "AbortError") hide(form); // Enter still goes to the page
      }
    }, 150);
  });
})();
