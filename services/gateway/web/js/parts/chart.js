// @ts-check
// Line charts as inline SVG: a picture with a name in words for those who do not see it, and a table of the values.
import { fill, h } from "../core/dom.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";

/** @typedef {[number, number][]} Points */
/** @typedef {{key: string, label: string, points: Points}} Line `key` chooses the colour: "a", "b" or "c" */

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [600, 200];
const TABLE_ROWS = 24;

/** @param {string} tag @param {Record<string, string | number>} attrs */
function s(tag, attrs) {
  const el = document.createElementNS(SVG, tag);
  for (const [k, v] of Object.entries(attrs)) el.setAttribute(k, String(v));
  return el;
}

/** The least and the greatest, a little apart even when all are the same. @param {number[]} values @param {boolean} fromZero */
function span(values, fromZero) {
  let low = fromZero ? 0 : Infinity;
  let high = -Infinity;
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return high - low < 1e-9 ? [low, low + 1e-3] : [low, high];
}

/**
 * @param {{title: string, x: string, digits?: number, fromZero?: boolean, unit?: string}} look `x`: what runs along, e.g. "Step"
 * @returns {{el: HTMLElement, set: (lines: Line[], summary: string) => void}} `set` draws anew; `summary` says in words what is seen
 */
export function chart({ title, x, digits = 3, fromZero = false, unit = "" }) {
  const svg = s("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    class: "chart-lines",
  });
  const low = h("span", { class: "num" });
  const high = h("span", { class: "num" });
  const [from, to] = [h("span", { class: "num" }), h("span", { class: "num" })];
  const legend = h("ul", { class: "chart-legend small-text" });
  const table = h("table", { class: "chart-table num" });
  const more = h(
    "details",
    { class: "small-text" },
    h("summary", null, t("chart.table")),
    h("div", { class: "chart-scroll", tabindex: 0, role: "region", "aria-label": title }, table),
  );
  const el = h(
    "figure",
    { class: "chart", hidden: true },
    h("figcaption", { class: "row apart wrap" }, h("strong", null, title), legend),
    h(
      "div",
      { class: "chart-plot" },
      h("div", { class: "chart-y small-text muted", "aria-hidden": "true" }, high, low),
      svg,
      h("div", { class: "chart-x small-text muted", "aria-hidden": "true" }, from, h("span", null, x), to),
    ),
    more,
  );
  /** @type {Line[]} */
  let shown = [];
  const value = (/** @type {number | undefined} */ v) => (v === undefined ? "" : `${number(v, digits)}${unit}`);

  function rows() {
    const every = Math.max(1, Math.ceil((shown[0]?.points.length ?? 0) / TABLE_ROWS));
    const at = (shown[0]?.points ?? [])
      .filter((_, i, all) => i % every === 0 || i === all.length - 1)
      .map(([px]) => px);
    const near = (/** @type {Points} */ points, /** @type {number} */ px) =>
      points.find(([q]) => Math.abs(q - px) < 1e-6)?.[1];
    fill(
      table,
      h(
        "thead",
        null,
        h("tr", null, h("th", { scope: "col" }, x), ...shown.map((l) => h("th", { scope: "col" }, l.label))),
      ),
      h(
        "tbody",
        null,
        ...at.map((px) =>
          h(
            "tr",
            null,
            h("th", { scope: "row" }, number(px, 1)),
            ...shown.map((l) => h("td", null, value(near(l.points, px)))),
          ),
        ),
      ),
    );
  }
  more.addEventListener("toggle", () => more.open && rows());

  return {
    el,
    set(lines, summary) {
      shown = lines.filter((l) => l.points.length);
      el.hidden = !shown.length;
      if (!shown.length) return;
      const [x0, x1] = span(
        shown.flatMap((l) => l.points.map(([px]) => px)),
        false,
      );
      const [y0, y1] = span(
        shown.flatMap((l) => l.points.map(([, py]) => py)),
        fromZero,
      );
      const place = (/** @type {[number, number]} */ [px, py]) =>
        `${(((px - x0) / (x1 - x0)) * WIDTH).toFixed(1)},${(HEIGHT - 4 - ((py - y0) / (y1 - y0)) * (HEIGHT - 8)).toFixed(1)}`;
      const paths = shown.map((l) =>
        l.points.length === 1
          ? s("circle", {
              class: `line-${l.key}`,
              cx: place(l.points[0]).split(",")[0],
              cy: place(l.points[0]).split(",")[1],
              r: 4,
            })
          : s("polyline", {
              class: `line-${l.key}`,
              points: l.points.map(place).join(" "),
              "vector-effect": "non-scaling-stroke",
            }),
      );
      svg.replaceChildren(
        ...[0.25, 0.5, 0.75].map((p) =>
          s("line", {
            class: "rule",
            x1: 0,
            x2: WIDTH,
            y1: HEIGHT * p,
            y2: HEIGHT * p,
            "vector-effect": "non-scaling-stroke",
          }),
        ),
        ...paths,
      );
      svg.setAttribute("aria-label", `${title}. ${summary}`);
      low.textContent = value(y0);
      high.textContent = value(y1);
      from.textContent = number(x0, 1);
      to.textContent = number(x1, 1);
      fill(legend, ...shown.map((l) => h("li", { class: `key-${l.key}` }, l.label)));
      if (more.open) rows();
    },
  };
}
