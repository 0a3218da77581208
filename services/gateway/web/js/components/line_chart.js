// @ts-check
// Line charts as inline SVG, with a description for screen readers and a table of the values.

import { fill, h } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {[number, number][]} Points */
/** @typedef {{key: string, label: string, points: Points}} Line `key` chooses the colour: "a", "b" or "c" */
/** @typedef {{title: string, x: string, digits: number, fromZero: boolean, unit: string, log: boolean}} ChartOptions */
/** @typedef {ReturnType<typeof chartElements>} ChartElements */

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [600, 200];

/** Space above and below the lines, in units of the view box. */
const MARGIN = 4;
const TABLE_ROWS = 24;

/** Quotient of the highest and the lowest value from which on a scale may be logarithmic. */
const LOG_FROM = 3;

/**
 * @param {{title: string, x: string, digits?: number, fromZero?: boolean, unit?: string, log?: boolean}} options
 * `x`: the name of the horizontal axis, "Step" for example; `log`: a logarithmic scale where values differ much
 * @returns {{el: HTMLElement, set: (lines: Line[], summary: string) => void}} `summary` describes the chart in words
 */
export function lineChart({ title, x, digits = 3, fromZero = false, unit = "", log = false }) {
  const options = { title, x, digits, fromZero, unit, log };
  const parts = chartElements(options);
  /** @type {Line[]} */
  let shown = [];
  const drawTable = () => fill(parts.table, ...tableRows(shown, options));
  parts.more.addEventListener("toggle", () => parts.more.open && drawTable());
  return {
    el: parts.el,
    set(lines, summary) {
      shown = lines.filter((l) => l.points.length);
      parts.el.hidden = !shown.length;
      if (!shown.length) return;
      draw(parts, shown, options);
      parts.svg.setAttribute("aria-label", `${title}. ${summary}`);
      if (parts.more.open) drawTable();
    },
  };
}

/** @param {ChartOptions} options */
function chartElements({ title, x }) {
  const svg = svgElement("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    class: "chart-lines",
  });
  const [low, middle, high, from, to] = Array.from({ length: 5 }, () => h("span", { class: "num" }));
  const legend = h("ul", { class: "chart-legend small-text" });
  const table = h("table", { class: "chart-table num" });
  const more = h(
    "details",
    { class: "small-text" },
    h("summary", null, t("chart.table")),
    h("div", { class: "chart-scroll", tabindex: 0, role: "region", "aria-label": title }, table),
  );
  const plot = h(
    "div",
    { class: "chart-plot" },
    h("div", { class: "chart-y small-text muted", "aria-hidden": "true" }, high, middle, low),
    svg,
    h("div", { class: "chart-x small-text muted", "aria-hidden": "true" }, from, h("span", null, x), to),
  );
  const scale = h("span", { class: "small-text muted" });
  const caption = h("figcaption", { class: "row apart wrap" }, h("strong", null, title), scale, legend);
  const el = h("figure", { class: "chart", hidden: true }, caption, plot, more);
  return { el, svg, low, middle, high, from, to, legend, scale, table, more };
}

/** @param {ChartElements} parts @param {Line[]} lines at least one, none empty @param {ChartOptions} options */
function draw({ svg, low, middle, high, from, to, legend, scale }, lines, options) {
  const [x0, x1] = range(
    lines.flatMap((l) => l.points.map(([px]) => px)),
    false,
  );
  const [y0, y1] = range(
    lines.flatMap((l) => l.points.map(([, py]) => py)),
    options.fromZero,
  );
  const isLog = options.log && y0 > 0 && y1 / y0 > LOG_FROM;
  const shown = (/** @type {number} */ v) => (isLog ? Math.log(v) : v);
  const part = (/** @type {number} */ v) => (shown(v) - shown(y0)) / (shown(y1) - shown(y0));
  /** @type {(point: [number, number]) => [string, string]} */
  const place = ([px, py]) => [
    (((px - x0) / (x1 - x0)) * WIDTH).toFixed(1),
    (HEIGHT - MARGIN - part(py) * (HEIGHT - 2 * MARGIN)).toFixed(1),
  ];
  svg.replaceChildren(...[0.25, 0.5, 0.75].map(gridLine), ...lines.map((l) => lineElement(l, place)));
  low.textContent = valueText(y0, options);
  middle.textContent = valueText(isLog ? Math.sqrt(y0 * y1) : (y0 + y1) / 2, options);
  high.textContent = valueText(y1, options);
  scale.textContent = isLog ? t("chart.log") : "";
  from.textContent = formatNumber(x0, 1);
  to.textContent = formatNumber(x1, 1);
  legend.hidden = lines.length < 2; // the title names a single line
  fill(legend, ...lines.map((l) => h("li", { class: `key-${l.key}` }, l.label)));
}

/** @param {number} part of the height, 0 to 1 */
function gridLine(part) {
  const y = HEIGHT * part;
  return svgElement("line", { class: "rule", x1: 0, x2: WIDTH, y1: y, y2: y, "vector-effect": "non-scaling-stroke" });
}

/** A polyline, or a dot for a single point. @param {Line} line @param {(point: [number, number]) => string[]} place */
function lineElement({ key, points }, place) {
  if (points.length === 1) {
    const [cx, cy] = place(points[0]);
    return svgElement("circle", { class: `line-${key}`, cx, cy, r: 4 });
  }
  return svgElement("polyline", {
    class: `line-${key}`,
    points: points.map((p) => place(p).join(",")).join(" "),
    "vector-effect": "non-scaling-stroke",
  });
}

/**
 * The head and the body of the table, at most about TABLE_ROWS rows.
 * @param {Line[]} lines
 * @param {ChartOptions} options
 */
function tableRows(lines, options) {
  const points = lines[0]?.points ?? [];
  const every = Math.max(1, Math.ceil(points.length / TABLE_ROWS));
  const xs = points.filter((_, i) => i % every === 0 || i === points.length - 1).map(([px]) => px);
  const valueAt = (/** @type {Points} */ of, /** @type {number} */ px) =>
    of.find(([q]) => Math.abs(q - px) < 1e-6)?.[1];
  const head = [options.x, ...lines.map((l) => l.label)].map((label) => h("th", { scope: "col" }, label));
  const row = (/** @type {number} */ px) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, formatNumber(px, 1)),
      ...lines.map((l) => h("td", null, valueText(valueAt(l.points, px), options))),
    );
  return [h("thead", null, h("tr", null, ...head)), h("tbody", null, ...xs.map(row))];
}

/** @param {number | undefined} value @param {ChartOptions} options */
const valueText = (value, { digits, unit }) => (value === undefined ? "" : `${formatNumber(value, digits)}${unit}`);

/** @param {string} tag @param {Record<string, string | number>} attrs */
function svgElement(tag, attrs) {
  const el = document.createElementNS(SVG, tag);
  for (const [k, v] of Object.entries(attrs)) el.setAttribute(k, String(v));
  return el;
}

/**
 * The lowest and the highest value, slightly apart when all are equal.
 * @param {number[]} values
 * @param {boolean} fromZero
 */
function range(values, fromZero) {
  let low = fromZero ? 0 : Infinity;
  let high = -Infinity;
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return high - low < 1e-9 ? [low, low + 1e-3] : [low, high];
}
