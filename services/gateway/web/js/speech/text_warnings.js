// @ts-check
// Words that were not said, or not as the dictionary has them, as a note.

import { h, icon } from "../core/dom.js";
import { t, term } from "../i18n/translate.js";

const REASONS = ["left-out", "entry-ignored", "pause-clamped", "rate-clamped", "ssml-unknown", "enlarged", "not-shown"];

/** @typedef {{reason: string, text: string, script: string}} TextWarning */

/** @param {TextWarning} warning */
const word = ({ text, script }) => (script ? t("preview.word", { text, script: term("script", script) }) : text);

/** One sentence for each kind of warning. @param {TextWarning[]} all @returns {string[]} */
export const warningLines = (all) =>
  REASONS.flatMap((reason) => {
    const words = [...new Set(all.filter((w) => w.reason === reason).map(word))];
    return words.length ? [t(`preview.warning.${reason}`, { what: words.join(t("preview.and")) })] : [];
  });

/** @param {TextWarning[]} all */
export const warningParagraphs = (all) =>
  h("div", { class: "stack tight" }, ...warningLines(all).map((line) => h("p", null, line)));

/** The note under a result, or `null` when all was said. @param {TextWarning[] | null | undefined} all */
export const textWarningNote = (all) =>
  all?.length ? h("div", { class: "note warn small-text", role: "note" }, icon("alert"), warningParagraphs(all)) : null;
