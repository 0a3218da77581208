// @ts-check
// A part of the page that opens and closes.

import { h, icon } from "../core/dom.js";

/** The small arrow in the summary of a fold. */
export function foldArrow() {
  const el = icon("turn", "small");
  el.classList.add("turn-arrow");
  return el;
}

/**
 * A folded part.
 * @param {(Node | string)[]} summary what is always visible
 * @param {HTMLElement} inside what opening shows
 */
export const fold = (summary, inside) =>
  h("details", { class: "fold" }, h("summary", null, foldArrow(), ...summary), inside);
