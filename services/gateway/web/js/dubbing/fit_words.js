// @ts-check
// How a sentence fits its time, in words.
import { pill } from "../components/layout.js";
import { fill, h } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("./types.js").Fitting} Fitting */

/** @type {Record<Fitting["kind"], string>} */
const LOOKS = { fits: "good", slow: "good", fast: "warn", long: "bad", silent: "plain", unheard: "plain" };

/** Seconds with one digit. @param {number} s */
export const seconds = (s) => formatNumber(s, 1);

/** @param {Fitting} fitting */
export const fitText = ({ kind, speed, over_s }) =>
  t(`fit.${kind}`, { speed: formatNumber(speed, 2), s: seconds(Math.max(0.1, over_s)) });

/** @param {Fitting} fitting @param {number} slot_s */
export function lengthText({ kind, spoken_s }, slot_s) {
  if (kind === "silent") return "";
  return spoken_s === null
    ? t("fit.slot", { slot: seconds(slot_s) })
    : t("fit.length", { s: seconds(spoken_s), slot: seconds(slot_s) });
}

/** Draws how a sentence fits. @param {Element} el @param {Fitting} fitting @param {number} slot_s */
export function drawFit(el, fitting, slot_s) {
  const words = lengthText(fitting, slot_s);
  fill(
    el,
    pill(fitText(fitting), LOOKS[fitting.kind]),
    words ? h("span", { class: "small-text muted num" }, words) : null,
  );
}
