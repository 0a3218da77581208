// @ts-check
// A progress bar.
import { h } from "../core/dom.js";
import { formatPercent } from "../core/format.js";

/**
 * A progress bar.
 * @param {string} label
 * @returns {{el: HTMLElement, set: (part: number | null) => void}} `set` takes 0 to 1, or `null`
 * while progress is unknown
 */
export function progressBar(label) {
  const fill = h("i", null);
  const el = h(
    "div",
    { class: "bar waiting", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    fill,
  );
  const set = (/** @type {number | null} */ part) => {
    el.classList.toggle("waiting", part === null);
    if (part === null) return el.removeAttribute("aria-valuenow");
    fill.style.setProperty("--part", formatPercent(part));
    el.setAttribute("aria-valuenow", String(Math.round(part * 100)));
  };
  return { el, set };
}
