// @ts-check
// Names and terms with their translations: two columns, typed or pasted from a table.
import { announce } from "../components/announcements.js";
import { button, fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("./types.js").Term} Term */

const MOST = 200;
const CHARS = 100;

/**
 * @param {Term[]} terms @param {(terms: Term[]) => void} onchange
 * @returns {{el: HTMLElement, value: () => Term[]}} `value`: the pairs of which both sides are there
 */
export function glossaryField(terms, onchange) {
  let rows = terms.map((term) => ({ ...term }));
  const body = h("ul", { class: "stack tight glossary-rows" });
  const count = h("p", { class: "small-text muted num", role: "status" });
  const add = button({ icon: "plus", label: t("glossary.add"), kind: "small", onclick: () => append() });
  const value = () => whole(rows);
  function changed() {
    onchange(value());
    count.textContent = rows.length > 1 ? t("glossary.count", { n: value().length, most: MOST }) : "";
    add.disabled = rows.length >= MOST;
  }
  function draw() {
    fill(body, ...rows.map((row, i) => termRow(row, i, { onedit: changed, onremove, onpaste, onenter })));
    changed();
  }
  /** @param {number} i @param {number} [column] */
  const focus = (i, column = 0) => body.children[i]?.querySelectorAll("input")[column]?.focus();
  function append() {
    rows.push({ source: "", target: "" });
    draw();
    focus(rows.length - 1);
  }
  /** @param {number} i */
  function onremove(i) {
    rows.splice(i, 1);
    draw();
    if (rows.length) focus(Math.min(i, rows.length - 1));
    else add.focus();
  }
  /** The next row, made where there is none. @param {number} i */
  function onenter(i) {
    if (i + 1 < rows.length) focus(i + 1);
    else if (rows.length < MOST) append();
  }
  /** @param {number} i @param {Term[]} pasted */
  function onpaste(i, pasted) {
    const { source, target } = rows[i];
    rows.splice(i, source || target ? 0 : 1, ...pasted);
    rows = rows.slice(0, MOST);
    draw();
    focus(Math.min(i + pasted.length, rows.length) - 1, 1);
    announce(t("glossary.pasted", { n: pasted.length }));
  }
  draw();
  const help = h("p", { class: "help" }, t("glossary.help"));
  const el = h(
    "div",
    { class: "field glossary", role: "group", "aria-label": t("glossary") },
    h("span", { class: "label" }, t("glossary")),
    help,
    body,
    h("div", { class: "row wrap" }, add, count),
  );
  return { el, value };
}

/** @param {Term[]} rows */
const whole = (rows) =>
  rows
    .map(({ source, target }) => ({ source: source.trim(), target: target.trim() }))
    .filter(({ source, target }) => source && target);

/**
 * @param {Term} row @param {number} i
 * @param {{onedit: () => void, onremove: (i: number) => void, onpaste: (i: number, terms: Term[]) => void,
 *   onenter: (i: number) => void}} options
 */
function termRow(row, i, { onedit, onremove, onpaste, onenter }) {
  const n = i + 1;
  const cell = (/** @type {"source" | "target"} */ side) => {
    const input = () => {
      row[side] = el.value;
      onedit();
    };
    const paste = (/** @type {ClipboardEvent} */ e) => {
      const pasted = readTerms(e.clipboardData?.getData("text/plain") ?? "");
      if (!pasted.length) return;
      e.preventDefault();
      onpaste(i, pasted);
    };
    const keydown = (/** @type {KeyboardEvent} */ e) => {
      if (e.key !== "Enter" || e.isComposing) return;
      e.preventDefault();
      onenter(i);
    };
    const label = t(`glossary.${side}.n`, { n });
    const look = { class: "input", maxlength: CHARS, autocomplete: "off", placeholder: t(`glossary.${side}`) };
    const el = h("input", { ...look, value: row[side], "aria-label": label, on: { input, paste, keydown } });
    return el;
  };
  return h(
    "li",
    { class: "row" },
    cell("source"),
    h("span", { class: "muted", "aria-hidden": "true" }, "→"),
    cell("target"),
    button({
      icon: "trash",
      label: t("glossary.remove.n", { n }),
      bare: true,
      kind: "small",
      onclick: () => onremove(i),
    }),
  );
}

/**
 * Two columns between tabs, as spreadsheets copy them; by hand also with →, = or a comma. Nothing for one plain name.
 * @param {string} text @returns {Term[]}
 */
function readTerms(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  if (!text.includes("\t") && lines.length < 2) return [];
  const separator = text.includes("\t") ? "\t" : /\s*(?:→|->|=|[,，;；])\s*/;
  return lines.map((line) => {
    const [source = "", target = ""] = line.split(separator).map((cell) => cell.trim().slice(0, CHARS));
    return { source, target };
  });
}
