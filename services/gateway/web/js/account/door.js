// @ts-check
// The frame of pages for people who are not signed in: one card in the middle.
import { h, seal } from "../core/dom.js";

/** @param {string} title @param {string} lead @param {...(Node | null)} children */
export const door = (title, lead, ...children) =>
  h(
    "div",
    { class: "door" },
    h(
      "div",
      { class: "card door-card" },
      h("div", { class: "stack tight" }, seal(), h("h1", null, title), lead ? h("p", { class: "muted" }, lead) : null),
      ...children,
    ),
  );
