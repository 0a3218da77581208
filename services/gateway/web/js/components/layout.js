// @ts-check
// The frame of a page's content: page, sections, notes and states.
import { h, icon } from "../core/dom.js";

/**
 * A page with its title and introduction.
 * @param {string} title
 * @param {string} lead
 * @param {...(Node | null)} children
 */
export const page = (title, lead, ...children) =>
  h(
    "div",
    { class: "page" },
    h("div", { class: "page-head" }, h("h1", null, title), lead ? h("p", null, lead) : null),
    ...children,
  );

/**
 * A section with a heading and actions.
 * @param {string} title
 * @param {(Node | null)[]} actions
 * @param {...(Node | null)} children
 */
export const section = (title, actions, ...children) =>
  h(
    "section",
    { class: "section" },
    h(
      "div",
      { class: "section-head" },
      h("h2", null, title),
      actions.length ? h("div", { class: "row wrap" }, ...actions) : null,
    ),
    ...children,
  );

/** A short label in a pill. @param {string} text @param {string} [kind] "good", "warn", "bad" or "plain" */
export const pill = (text, kind = "") => h("span", { class: `pill ${kind}` }, text);

/**
 * An empty state with a suggested next step.
 * @param {string} name icon
 * @param {string} text
 * @param {Node | null} [next]
 */
export const emptyState = (name, text, next = null) =>
  h("div", { class: "empty" }, icon(name, "large"), h("p", null, text), next);

/** @param {string} text @param {{kind?: string, icon?: string}} [o] */
export const note = (text, { kind = "", icon: name = "info" } = {}) =>
  h("div", { class: `note ${kind}` }, icon(name), h("p", null, text));
