// @ts-check
// Words that were not said, as a note.

import { h, icon } from "../core/dom.js";
import { t, term } from "../i18n/translate.js";

/** @typedef {{reason: string, text: string, script: string}} TextWarning */

/** @param {TextWarning[]} all */
export const warningText = (all) =>
  t("preview.warning", {
    what: all
      .map(({ text, script }) => t("preview.word", { text, script: term("script", script) }))
      .join(t("preview.and")),
  });

/** The note under a result, or `null` when all was said. @param {TextWarning[] | null | undefined} all */
export const textWarningNote = (all) =>
  all?.length
    ? h("div", { class: "note warn small-text", role: "note" }, icon("alert"), h("p", null, warningText(all)))
    : null;
