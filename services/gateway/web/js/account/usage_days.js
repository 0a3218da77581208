// @ts-check
// What was used, by day.
import { h } from "../core/dom.js";
import { formatBytes, formatDay, formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/account_types.js").UsageRow} UsageRow */
/** @typedef {{day: string, video_s: number, speech_s: number, live_s: number, total: number}} Day seconds */

const METRICS = /** @type {const} */ (["video_s", "speech_s", "live_s"]);
const MB = 2 ** 20;

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
    return { day: at.toISOString().slice(0, 10), video_s: 0, speech_s: 0, live_s: 0, total: 0 };
  });
  const byDay = new Map(days.map((d) => [d.day, d]));
  for (const { day, metric, amount } of rows) {
    const found = byDay.get(day);
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
  const label = t("usage.chart", { days: days.length, n: minutes(sum) });
  return h(
    "figure",
    { class: "card columns-card" },
    h("div", { class: "row apart" }, h("p", { class: "small-text" }, label), legend()),
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

/** The days on which something was made, newest first. @param {Day[]} days */
export function dayTable(days) {
  const head = ["day", ...METRICS, "total"].map((name) => h("th", { scope: "col" }, t(`usage.${name}`)));
  const row = (/** @type {Day} */ day) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, formatDay(day.day)),
      ...METRICS.map((m) => h("td", null, day[m] ? minutes(day[m]) : "–")),
      h("td", null, minutes(day.total)),
    );
  const used = days.filter((d) => d.total).reverse();
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
