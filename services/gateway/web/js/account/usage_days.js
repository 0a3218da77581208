// @ts-check
// What was used, by day.
import { h } from "../core/dom.js";
import { formatBytes, formatDay, formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/account_types.js").UsageRow} UsageRow */
/**
 * Seconds that were made, bytes stored at the day's end (null: not known).
 * @typedef {{day: string, video_s: number, speech_s: number, live_s: number, total: number, stored: number | null}} Day
 */

const METRICS = /** @type {const} */ (["video_s", "speech_s", "live_s"]);
const STORED = "stored_bytes";
const MB = 2 ** 20;

/** Whether a figure is of seconds that were made. @param {UsageRow} row */
export const isMade = ({ metric }) => METRICS.some((m) => m === metric);

/** An amount with its unit. @param {string} name of a limit @param {number} amount */
export function amountText(name, amount) {
  if (name === "stored_mb") return formatBytes(amount * MB);
  if (name === "minutes_per_day") return t("unit.minutes", { n: minutes(amount * 60) });
  return formatNumber(amount);
}

/** Minutes with one digit; a little is not nothing. @param {number} seconds */
export const minutes = (seconds) => (seconds > 0 && seconds < 3 ? "< 0.1" : formatNumber(seconds / 60, 1));

/** Every one of the last `count` days, oldest first. @param {UsageRow[]} rows @param {number} count @returns {Day[]} */
export function daysOf(rows, count) {
  const days = Array.from({ length: count }, (_, i) => {
    const at = new Date(Date.now() - (count - 1 - i) * 86_400_000);
    return { day: at.toISOString().slice(0, 10), video_s: 0, speech_s: 0, live_s: 0, total: 0, stored: null };
  });
  const byDay = new Map(days.map((d) => [d.day, /** @type {Day} */ (d)]));
  for (const { day, metric, amount } of rows) {
    const found = byDay.get(day);
    if (found && metric === STORED) found.stored = (found.stored ?? 0) + amount;
    const name = METRICS.find((m) => m === metric);
    if (!found || !name) continue;
    found[name] += amount;
    found.total += amount;
  }
  return days;
}

/** A column for each day. The table beside it has the figures. @param {Day[]} days */
export function dayColumns(days) {
  const highest = Math.max(...days.map((d) => d.total), 60);
  const sum = days.reduce((all, d) => all + d.total, 0);
  const column = (/** @type {Day} */ day) =>
    h(
      "span",
      { class: "column", title: `${formatDay(day.day)}: ${t("unit.minutes", { n: minutes(day.total) })}` },
      ...METRICS.map((m) => h("i", { class: m, style: { "--part": `${(100 * day[m]) / highest}%` } })),
    );
  return chart(days, t("usage.chart", { days: days.length, n: minutes(sum) }), column, legend());
}

/** What was stored at the end of each day. @param {Day[]} days */
export function storedColumns(days) {
  const highest = Math.max(...days.map((d) => d.stored ?? 0), MB);
  const column = (/** @type {Day} */ { day, stored }) =>
    h(
      "span",
      { class: "column", title: `${formatDay(day)}: ${stored === null ? "–" : formatBytes(stored)}` },
      h("i", { class: "stored", style: { "--part": `${(100 * (stored ?? 0)) / highest}%` } }),
    );
  const now = days.findLast((d) => d.stored !== null)?.stored ?? 0;
  return chart(days, t("usage.stored_chart", { size: formatBytes(now) }), column);
}

/** @param {Day[]} days @param {string} label @param {(day: Day) => HTMLElement} column @param {HTMLElement} [beside] */
function chart(days, label, column, beside) {
  return h(
    "figure",
    { class: "card columns-card" },
    h("div", { class: "row apart" }, h("p", { class: "small-text" }, label), beside ?? null),
    h("div", { class: "columns", role: "img", "aria-label": label }, ...days.map(column)),
    h(
      "div",
      { class: "row apart small-text muted", "aria-hidden": "true" },
      h("span", null, formatDay(days[0].day)),
      h("span", null, formatDay(days[days.length - 1].day)),
    ),
  );
}

const legend = () =>
  h(
    "ul",
    { class: "row wrap legend small-text", "aria-hidden": "true" },
    ...METRICS.map((m) => h("li", { class: "row" }, h("i", { class: m }), t(`usage.${m}`))),
  );

/** The days on which something was made, or what is stored is known, newest first. @param {Day[]} days */
export function dayTable(days) {
  const head = ["day", ...METRICS, "total", "stored"].map((name) => h("th", { scope: "col" }, t(`usage.${name}`)));
  const row = (/** @type {Day} */ day) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, formatDay(day.day)),
      ...METRICS.map((m) => h("td", null, day[m] ? minutes(day[m]) : "–")),
      h("td", null, minutes(day.total)),
      h("td", null, day.stored === null ? "–" : formatBytes(day.stored)),
    );
  const used = days.filter((d) => d.total || d.stored).reverse();
  return h(
    "div",
    { class: "scrolls", tabindex: 0, role: "region", "aria-label": t("usage.table") },
    h(
      "table",
      { class: "table num" },
      h("caption", { class: "small-text muted" }, t("usage.caption")),
      h("thead", null, h("tr", null, ...head)),
      h("tbody", null, ...used.map(row)),
    ),
  );
}
