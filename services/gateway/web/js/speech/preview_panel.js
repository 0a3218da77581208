// @ts-check
// How a text will be said, clause by clause, with what will be left out and a way to correct a word.

import { isAbort, problemCard } from "../components/problem_card.js";
import { foldArrow } from "../components/fold.js";
import { call } from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { dictionaryPanel } from "./dictionary_panel.js";
import { warningParagraphs } from "./text_warnings.js";

/** @typedef {{text: string, spoken: string, language: string, pronunciation: string, left_out: string[]}} Clause */

const PAUSE_MS = 600;

/**
 * A fold that shows the preview while it is open.
 * @param {AbortSignal} signal
 * @param {() => {text: string, voice_id?: string}} value what would be said now
 * @returns {{el: HTMLElement, changed: () => void}} `changed` after the text or the voice has changed
 */
export function previewPanel(signal, value) {
  const clauses = h("div", { class: "stack tight", "aria-live": "polite" });
  const dictionary = dictionaryPanel(signal, () => void draw());
  const inside = h("div", { class: "stack" }, clauses, dictionary.el);
  const el = h(
    "details",
    { class: "fold preview", on: { toggle: () => el.open && (void draw(), dictionary.load()) } },
    h("summary", null, foldArrow(), t("preview.title")),
    inside,
  );
  let asked = new AbortController();
  signal.addEventListener("abort", () => asked.abort());
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function draw() {
    asked.abort();
    asked = new AbortController();
    const mine = asked.signal;
    const { text, voice_id } = value();
    if (!text) return fill(clauses, h("p", { class: "muted" }, t("preview.empty")));
    try {
      const found = await call("POST", "/speech/preview", { body: { text, voice_id }, signal: mine });
      if (!mine.aborted) fill(clauses, warnings(found.warnings), clauseList(found.clauses));
    } catch (error) {
      if (!mine.aborted && !isAbort(error)) fill(clauses, problemCard(error, { alert: false }));
    }
  }
  const changed = () => {
    clearTimeout(timer);
    if (el.open) timer = setTimeout(() => void draw(), PAUSE_MS);
  };
  return { el, changed };
}

/** @param {import("./text_warnings.js").TextWarning[]} all */
const warnings = (all) =>
  all.length ? h("div", { class: "note warn small-text" }, icon("alert"), warningParagraphs(all)) : null;

/** @param {Clause[]} all */
const clauseList = (all) => h("ol", { class: "preview-clauses", tabindex: 0 }, ...all.map(clauseRow));

/** @param {Clause} clause */
function clauseRow({ spoken, language, pronunciation, left_out }) {
  return h(
    "li",
    null,
    h("p", { lang: language }, spoken || h("span", { class: "muted" }, t("preview.nothing"))),
    pronunciation ? h("p", { class: "mono muted small-text" }, pronunciation) : null,
    left_out.length ? h("p", { class: "small-text left-out" }, t("preview.left", { what: left_out.join(" ") })) : null,
  );
}
