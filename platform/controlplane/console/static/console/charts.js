// Draws each chart from the table it holds: a page without scripts has the same numbers, as that table.
"use strict";
(() => {
  // The tables stay open where nothing can be drawn.
  const close = () => { for (const table of document.querySelectorAll("[data-table]:not([data-ready])")) { table.open = !window.uPlot; table.dataset.ready = ""; } };
  close();
  if (!window.uPlot) return;
  const HEIGHT = 190;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const read = (figure) => {
    const heads = [...figure.querySelectorAll("thead th[data-look]")];
    const rows = [...figure.querySelectorAll("tbody tr")];
    const times = rows.map((row) => Date.parse(row.querySelector("time").dateTime) / 1000);
    const values = heads.map((_, n) => rows.map((row) => {
      const said = row.querySelectorAll("td")[n].dataset.v;
      return said === undefined ? null : Number(said);
    }));
    return { heads, data: [times, ...values] };
  };
  // 18:00, and the day where one begins; by days, only those.
  const clock = (splits, apart) => splits.map((ts) => {
    const at = new Date(ts * 1000), day = at.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
    const hour = at.toISOString().slice(11, 16);
    return apart >= 86400 || hour === "00:00" ? day : hour;
  });
  // What is less than one keeps its first digits: 0.0003 is not 0.
  const said = (v) => v.toLocaleString("en", Math.abs(v) < 1 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 3 });
  const HOUR = 3600;  // to both sides of a single time: uPlot itself would show three years after it
  const draw = (figure) => {
    const { heads, data } = read(figure);
    const place = figure.querySelector("[data-plot]");
    const bars = figure.dataset.chart === "bars";
    const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font: "12px system-ui, sans-serif" };
    place.replaceChildren();
    const plot = new uPlot({
      width: place.clientWidth, height: HEIGHT, tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "UTC"),
      cursor: { drag: { x: false, y: false }, points: { show: !still } },
      scales: { x: { range: (_, first, last) => data[0].length === 1 ? [data[0][0] - HOUR, data[0][0] + HOUR] : [first, last] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [{ ...axis, values: (_, splits, __, ___, apart) => clock(splits, apart) }, { ...axis, size: 58, values: (_, splits) => splits.map(said) }],
      series: [{ value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...heads.map((head) => ({
        label: head.textContent, stroke: colour(head.dataset.look), width: 2, spanGaps: false,
        dash: "dashed" in head.dataset ? [6, 4] : undefined,
        fill: bars ? colour(head.dataset.look) : undefined,
        paths: bars ? uPlot.paths.bars({ size: [0.7, 40] }) : uPlot.paths.linear(),
        // A number between two gaps is no line: a point shows it.
        points: { show: !bars, filter: (u, s, show, gaps) => show || gaps ? null : alone(u.data[s]), size: 5 },
        value: (_, v) => v === null ? "–" : said(v),
      }))],
    }, data, place);
    // The legend says the newest numbers while nobody points at others.
    const newest = data[0].findLastIndex((_, n) => data.slice(1).some((values) => values[n] !== null));
    const rest = () => { if (newest >= 0) plot.setLegend({ idx: newest }); };
    requestAnimationFrame(rest);  // what is drawn first empties it
    plot.over.addEventListener("mouseleave", () => requestAnimationFrame(rest));
    return plot;
  };
  const alone = (values) => values.flatMap((v, n) => v !== null && (values[n - 1] ?? null) === null && (values[n + 1] ?? null) === null ? [n] : []);
  const plots = new Map();
  const sized = new ResizeObserver((seen) => {
    for (const { target, contentRect } of seen) {
      const plot = plots.get(target.closest("[data-chart]"));
      if (plot && contentRect.width && plot.width !== contentRect.width) plot.setSize({ width: contentRect.width, height: HEIGHT });
    }
  });
  const all = () => {
    close();
    for (const figure of document.querySelectorAll("[data-chart]")) {
      plots.get(figure)?.destroy();
      plots.set(figure, draw(figure));
      sized.observe(figure.querySelector("[data-plot]"));
    }
  };
  all();
  // What a page fetches for itself afterwards has charts too.
  document.addEventListener("htmx:afterSettle", ({ target }) => { if (target.querySelector?.("[data-chart]")) all(); });
  // Colours are the theme's: drawn again when it changes with the hour.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
})();
