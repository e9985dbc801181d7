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
