// @ts-check
// How much of a limit is used.
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

const NEARLY = 0.9;

/**
 * @param {string} label
 * @param {string} used in words, with its unit
 * @param {string} most in words; empty without a limit
 * @param {number} part 0 to 1 and more
 */
export function amountBar(label, used, most, part) {
  const words = most ? t("usage.of", { used, most }) : t("usage.no_limit", { used });
  const head = h(
    "div",
    { class: "row apart small-text" },
    h("span", null, label),
    h("span", { class: "num muted" }, words),
  );
  if (!most) return h("li", { class: "stack tight" }, head);
  const percent = Math.min(100, Math.round(part * 100));
  const look = part >= NEARLY ? "bar" : "bar calm";
  const range = { "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": percent, "aria-valuetext": words };
  const bar = h(
    "div",
    { class: look, role: "meter", "aria-label": label, ...range },
    h("i", { style: { "--part": `${percent}%` } }),
  );
  return h("li", { class: "stack tight" }, head, bar);
}
