// @ts-check
// The subtitles of one scene, as a table that can be edited.
import { button, fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("./types.js").Cue} Cue */

const STEP_S = 0.1;
const LEAST_S = 0.1;
const NEW_S = 1.5;

/**
 * @param {Cue[]} cues
 * @param {{hasSecond: boolean, onchange: (cues: Cue[]) => void}} options `hasSecond`: with a second language
 * @returns {{el: HTMLElement, mark: (time_s: number | null) => void}} `mark` shows which one is being said
 */
export function cueTable(cues, { hasSecond, onchange }) {
  let now = cues.map((cue) => ({ ...cue }));
  const body = h("tbody", null);
  const tell = () => onchange(now.map((cue) => ({ ...cue })));
  function draw() {
    fill(body, ...now.map((cue, i) => cueRow(cue, i, { hasSecond, onedit, onremove, onadd })));
  }
  /** @param {number} i @param {Partial<Cue>} change */
  function onedit(i, change) {
    Object.assign(now[i], change);
    tell();
  }
  /** @param {number} i */
  function onremove(i) {
    now.splice(i, 1);
    draw();
    tell();
    const rows = body.querySelectorAll("tr");
    rows[Math.min(i, rows.length - 1)]?.querySelector("textarea")?.focus();
  }
  /** A cue after another one. @param {number} i */
  function onadd(i) {
    const { end_s } = now[i];
    const until = now[i + 1]?.start_s ?? Infinity;
    const start_s = until - end_s >= LEAST_S ? end_s : now[i].start_s + (end_s - now[i].start_s) / 2;
    if (start_s < end_s) now[i].end_s = round(start_s);
    now.splice(i + 1, 0, { start_s: round(start_s), end_s: round(Math.min(until, start_s + NEW_S)), text: "" });
    draw();
    tell();
    body.querySelectorAll("tr")[i + 1]?.querySelector("textarea")?.focus();
  }
  draw();
  const heads = ["from", "to", "text", ...(hasSecond ? ["second"] : [])].map((k) =>
    h("th", { scope: "col" }, t(`cue.${k}`)),
  );
  const head = h("thead", null, h("tr", null, ...heads, h("td", null)));
  const el = h("table", { class: "table cues" }, h("caption", { class: "sr" }, t("cue.table")), head, body);
  const mark = (/** @type {number | null} */ time) =>
    [...body.children].forEach((row, i) => {
      const isNow = time !== null && time >= now[i].start_s && time < now[i].end_s;
      row.classList.toggle("now", isNow);
    });
  return { el, mark };
}

const round = (/** @type {number} */ s) => Math.round(s * 1000) / 1000;

/**
 * @param {Cue} cue @param {number} i
 * @param {{hasSecond: boolean, onedit: (i: number, change: Partial<Cue>) => void, onremove: (i: number) => void,
 *   onadd: (i: number) => void}} options
 */
function cueRow(cue, i, { hasSecond, onedit, onremove, onadd }) {
  const n = i + 1;
  const time = (/** @type {"start_s" | "end_s"} */ which) => {
    const change = () => {
      const given = Math.max(0, Number(input.value) || 0);
      const fits = which === "start_s" ? given < cue.end_s : given > cue.start_s;
      if (fits) onedit(i, { [which]: round(given) });
      input.value = cue[which].toFixed(2);
    };
    const label = t(which === "start_s" ? "cue.from.n" : "cue.to.n", { n });
    const attrs = { type: "number", min: 0, step: STEP_S, class: "input num cue-time", "aria-label": label };
    const input = h("input", { ...attrs, on: { change } });
    input.value = cue[which].toFixed(2);
    return h("td", { "data-label": t(which === "start_s" ? "cue.from" : "cue.to") }, input);
  };
  const words = (/** @type {"text" | "second"} */ which) => {
    const label = t(which === "text" ? "cue.text.n" : "cue.second.n", { n });
    const attrs = { class: "input", rows: 1, maxlength: 400, "aria-label": label, value: cue[which] ?? "" };
    const area = h("textarea", { ...attrs, on: { input: () => onedit(i, { [which]: area.value }) } });
    return h("td", { class: "cue-words" }, area);
  };
  const small = (/** @type {string} */ icon, /** @type {string} */ label, /** @type {() => void} */ onclick) =>
    button({ icon, label, bare: true, kind: "small", onclick });
  return h(
    "tr",
    null,
    time("start_s"),
    time("end_s"),
    words("text"),
    hasSecond ? words("second") : null,
    h(
      "td",
      { class: "cue-tools" },
      small("plus", t("cue.add.n", { n }), () => onadd(i)),
      small("trash", t("cue.remove.n", { n }), () => onremove(i)),
    ),
  );
}
