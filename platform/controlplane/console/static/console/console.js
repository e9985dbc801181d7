// The console works without this file; it only saves a click here and there.
"use strict";
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  navigator.clipboard.writeText(button.previousElementSibling.textContent).then(() => {
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.querySelector("input[type=search][data-slash]");
  if (search) { event.preventDefault(); search.focus(); search.select(); }
});
// `g` and then a page's letter goes there, as the sidebar's links say.
let gone = -Infinity;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
  const page = event.timeStamp - gone < 1500 && document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
  gone = event.key === "g" ? event.timeStamp : -Infinity;
  if (page) { event.preventDefault(); page.click(); }
});
// What was typed outlives a session that ended: kept in this tab, given back to the same person only.
(() => {
  const KEPT = "argosy.typed";
  const who = document.querySelector(".who")?.textContent ?? "";
  const forms = () => [...document.querySelectorAll("main form[method=post]")];
  const fields = (form) => [...form.elements].filter((field) => field.name && !("secret" in field.dataset) && !["hidden", "password", "submit", "file"].includes(field.type));
  // A part of the page that came later may have brought a form, or taken one: then it is known by its fields.
  const same = (form, values) => values.some(([place, name]) => fields(form)[place]?.name === name);
  const read = () => { try { return JSON.parse(sessionStorage.getItem(KEPT)); } catch { return null; } };
  const write = (kept) => { try { sessionStorage.setItem(KEPT, JSON.stringify(kept)); } catch { /* too much to keep */ } };
  const say = (words) => {
    const note = document.createElement("div");
    note.className = "note ok";
    note.setAttribute("role", "status");
    note.textContent = words;
    document.querySelector("main").prepend(note);
  };
  const kept = read();
  if (document.querySelector("[data-door]")) {
    if (kept) {
      write({ ...kept, ended: true });
      for (const each of document.querySelectorAll("[data-kept]")) each.hidden = false;
    }
    return;
  }
  if (!who) return;
  if (!kept?.ended || kept.who !== who) sessionStorage.removeItem(KEPT);
  else if (new URL(kept.href).pathname === location.pathname) {
    if (kept.href !== location.href && !kept.moved) { write({ ...kept, moved: true }); location.replace(kept.href); return; }
    sessionStorage.removeItem(KEPT);
    const now = forms();
    const form = [now[kept.form], ...now].find((each) => each && same(each, kept.values));
    for (const [place, name, value] of form ? kept.values : []) {
      const field = fields(form)[place];
      if (field?.name !== name) continue;
      if (typeof value === "boolean") field.checked = value; else field.value = value;
      field.closest("details")?.setAttribute("open", "");
    }
    if (form) say("What you typed before your session ended is back. It was not sent yet.");
  }
  const keep = ({ target }) => {
    const form = target.closest("main form[method=post]");
    if (!form) return;
    const values = fields(form).map((field, place) => [place, field.name, ["checkbox", "radio"].includes(field.type) ? field.checked : field.value]);
    write({ who, href: location.href, form: forms().indexOf(form), values });
  };
  for (const kind of ["input", "change", "submit"]) document.addEventListener(kind, keep);
})();
// A part of the page that could not be renewed says so, and takes it back once it can.
(() => {
  const note = document.getElementById("failed");
  if (!note) return;
  const MEANS = { 403: "You may not do that (any more). Load the page again to see what you may.", 404: "That is not there any more. Load the page again." };
  const say = (status) => {
    note.textContent = MEANS[status] ?? (status ? `The platform could not answer (${status}); what you see may be old.` : "The platform does not answer; what you see may be old. It is asked again by itself.");
    note.hidden = false;
  };
  // By what was asked for: what another part was told takes nothing back.
  const failed = new Set();
  const asked = ({ pathInfo }) => pathInfo.requestPath.split("?")[0];
  // A part that looks again by itself goes on looking after a look that came to nothing.
  const again = (part) => {
    if (!part.matches("[hx-trigger^='load delay']")) return;
    const next = part.cloneNode(true);
    next.classList.remove("htmx-request");
    part.replaceWith(next);
    window.htmx.process(next);
  };
  document.addEventListener("htmx:responseError", ({ target, detail }) => {
    failed.add(asked(detail));
    say(detail.xhr.status);
    if (detail.xhr.status >= 500) again(target);
  });
  document.addEventListener("htmx:sendError", ({ target, detail }) => { failed.add(asked(detail)); say(0); again(target); });
  // Stopped, by Escape while another page was slow to come; a log is let go for another container's.
  document.addEventListener("htmx:sendAbort", ({ target }) => { if (target.id !== "log") again(target); });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful) { failed.delete(asked(detail)); note.hidden = failed.size === 0; }
  });
})();
// Who stands on something in a part that renews itself stands on it in the new part, too.
(() => {
  const told = (each) => [each.localName, ...["href", "name", "value", "aria-label"].map((name) => each.getAttribute(name)), /^(button|summary)$/.test(each.localName) && each.textContent].join("\n");
  const twins = (name, like) => [...document.getElementsByTagName(name)].filter((each) => told(each) === like);
  let left = null;
  document.addEventListener("htmx:beforeSwap", () => {
    const at = document.activeElement, like = told(at);
    left = at === document.body ? null : { at, like, place: twins(at.localName, like).indexOf(at) };
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (!left || left.at.isConnected || document.activeElement !== document.body) return;
    twins(left.at.localName, left.like)[left.place]?.focus({ preventScroll: true });
    left = null;
  });
})();
// A second click while the first is under way sends nothing a second time.
(() => {
  const AGAIN = 2000;
  const sent = new WeakMap();
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || !button || event.target.getAttribute("method") !== "post") return;
    if (event.timeStamp - (sent.get(button) ?? -Infinity) < AGAIN) event.preventDefault();
    else sent.set(button, event.timeStamp);
  });
})();
