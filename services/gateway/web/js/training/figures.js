// @ts-check
// Figures of a training: where the model improved, by how much, and where it is used.

import { h } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {Record<string, number>} Figures */
/** @typedef {{before: Figures, after: Figures, warnings?: string[]}} Measured */
/** @typedef {{key: string, prefix: string, rows: string[], used: boolean}} MeasuredUse */

/** A smaller lag is not noticed. */
const UNNOTICED_LAG_MS = 60;

/**
 * Figures that can be compared. `error` is the distance from perfect, `text` the formatted figure, and `threshold` the
 * change of the error that counts.
 * @type {Record<string, {error: (v: number) => number, text: (v: number) => string, threshold: number}>}
 */
const FIGURES = {
  opening_corr: { error: (v) => 1 - v, text: (v) => formatNumber(v, 2), threshold: 0.02 },
  width_corr: { error: (v) => 1 - v, text: (v) => formatNumber(v, 2), threshold: 0.02 },
  lag_ms: {
    error: (v) => Math.max(0, Math.abs(v) - UNNOTICED_LAG_MS),
    text: (v) => `${formatNumber(v)} ms`,
    threshold: 10,
  },
  opening_std_ratio: {
    error: (v) => Math.abs(Math.log(Math.max(v, 0.01))),
    text: (v) => `${formatNumber(v, 2)}×`,
    threshold: 0.05,
  },
  lip_distance: { error: (v) => v, text: (v) => `${formatNumber(100 * v, 1)}%`, threshold: 0.001 },
  distance: { error: (v) => v, text: (v) => `${formatNumber(100 * v, 1)}%`, threshold: 0.001 },
};

/** Uses of a model: prefix of its figures, their names, and the warning that the model is not used there. */
const USES = [
  {
    key: "video",
    prefix: "",
    rows: ["opening_corr", "width_corr", "lag_ms", "opening_std_ratio", "lip_distance"],
    unusedWarning: "not-better",
  },
  {
    key: "text",
    prefix: "text_",
    rows: ["opening_corr", "width_corr", "distance"],
    unusedWarning: "text-not-better",
  },
  {
    key: "live",
    prefix: "live_",
    rows: ["opening_corr", "width_corr", "distance"],
    unusedWarning: "live-not-better",
  },
];

/** Warnings that the table of figures shows already. */
export const FIGURE_WARNINGS = ["not-compared", ...USES.map((use) => use.unusedWarning)];

/**
 * Whether a figure improved.
 * @param {string} name @param {number} before @param {number} after @returns {"better" | "same" | "worse"}
 */
export function compareFigure(name, before, after) {
  const { error, threshold } = FIGURES[name];
  const gain = error(before) - error(after);
  return gain > threshold ? "better" : gain < -threshold ? "worse" : "same";
}

/**
 * The main figure in a short text, or empty when it was not measured.
 * @param {{before: Figures, after: Figures}} model
 */
export function shortSummary({ before, after }) {
  if (before.opening_corr === undefined || after.opening_corr === undefined) return "";
  return t("train.short", {
    before: formatNumber(before.opening_corr, 2),
    after: formatNumber(after.opening_corr, 2),
  });
}

/** The uses for which a model was measured. @param {Measured} model @returns {MeasuredUse[]} */
function measuredUses({ before, after, warnings }) {
  return USES.map(({ key, prefix, rows, unusedWarning }) => ({
    key,
    prefix,
    rows: rows.filter((name) => before[prefix + name] !== undefined && after[prefix + name] !== undefined),
    used: !(warnings ?? []).includes(unusedWarning),
  })).filter((use) => use.rows.length);
}

/** Whether there is nothing to compare with: the engine needs a model. @param {{warnings?: string[]}} model */
export const isUncompared = ({ warnings }) => (warnings ?? []).includes("not-compared");

/** Whether a model improved anything. @param {Measured} model */
export function hasImproved(model) {
  const uses = measuredUses(model);
  return uses.length ? uses.some((use) => use.used) : !(model.warnings ?? []).includes("not-better");
}

/** What improved, in words. @param {Measured} model */
export function improvementText(model) {
  const uses = measuredUses(model);
  const used = uses.filter((use) => use.used);
  if (isUncompared(model)) return t("train.alone");
  if (!hasImproved(model)) return t("train.not_helped");
  if (used.length === uses.length) return t("train.helped");
  return t("train.helped.in", { where: used.map((use) => t(`train.way.${use.key}`)).join(t("train.and")) });
}

/** The figures of a model that cannot be compared. @param {{after: Figures}} model */
export function uncomparedFigures({ after }) {
  if (after.psnr_db === undefined) return null;
  const text = t("train.alone.figures", {
    psnr: formatNumber(after.psnr_db, 1),
    lpips: formatNumber(after.lpips ?? 0, 3),
    lmd: formatNumber(after.lmd_px ?? 0, 1),
  });
  return h("p", { class: "small-text muted" }, text);
}

/** How wide the mouth opens in answers. @param {{before: Figures, after: Figures}} model */
export function openingNote({ before, after }) {
  if (after.text_opening === undefined || after.real_opening === undefined) return null;
  const text = t(after.text_opening === before.text_opening ? "train.opening.same" : "train.opening", {
    before: formatNumber(100 * before.text_opening),
    after: formatNumber(100 * after.text_opening),
    real: formatNumber(100 * after.real_opening),
  });
  return h("p", { class: "small-text muted" }, text);
}

/** Figures before and after as a table, grouped by use. @param {Measured} model */
export function figuresTable(model) {
  const uses = measuredUses(model);
  const columns = ["train.measured", "train.before", "train.after", "train.change"];
  const head = h("tr", null, ...columns.map((key) => h("th", { scope: "col" }, t(key))));
  const body = (/** @type {MeasuredUse} */ use) =>
    h(
      "tbody",
      { "data-way": use.key },
      uses.length > 1 ? useRow(use) : null,
      ...use.rows.map((name) => figureRow(name, model.before[use.prefix + name], model.after[use.prefix + name])),
    );
  const caption = h("caption", { class: "sr" }, t("train.figures"));
  return h("table", { class: "figures" }, caption, h("thead", null, head), ...uses.map(body));
}

/** The heading of a group. @param {MeasuredUse} use */
function useRow({ key, used }) {
  const unused = used ? null : h("span", { class: "small-text muted" }, t("train.unused"));
  return h("tr", { class: "way" }, h("th", { colspan: 4, scope: "rowgroup" }, t(`train.in.${key}`), unused));
}

/** @param {string} name @param {number} before @param {number} after */
function figureRow(name, before, after) {
  const change = compareFigure(name, before, after);
  const { text } = FIGURES[name];
  const ideal = h("span", { class: "small-text muted" }, t(`figure.${name}.ideal`));
  return h(
    "tr",
    null,
    h("th", { scope: "row" }, t(`figure.${name}`), ideal),
    h("td", { class: "num" }, text(before)),
    h("td", { class: "num" }, text(after)),
    h("td", { class: `verdict ${change}` }, t(`train.${change}`)),
  );
}
