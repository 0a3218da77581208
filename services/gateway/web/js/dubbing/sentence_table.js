// @ts-check
// The table of a script: all sentences beside the film, to be read, heard and corrected.
import { confirmDialog } from "../components/dialog.js";
import { stopSound } from "../components/sound_button.js";
import { button, h, reveal } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { languageName } from "../voices/voice_labels.js";
import { filmPlayer } from "./film_player.js";
import { speaker } from "./listening.js";
import { drawSummary, sentenceRow } from "./sentence_row.js";

/** @typedef {import("./corrections.js").Corrections} Corrections */

/**
 * @param {Corrections} corrections @param {AbortSignal} signal
 * @returns {{el: HTMLElement, focus: () => void, showProblem: (index: number, error: unknown) => boolean,
 *   forgetProblems: () => void}} `showProblem`: whether there is such a sentence
 */
export function sentenceTable(corrections, signal) {
  const { script } = corrections;
  const speak = speaker(script);
  const mark = (/** @type {number | null} */ time_s) =>
    rows.forEach(({ el, sentence: s }) =>
      el.classList.toggle("now", time_s !== null && time_s >= s.start_s && time_s < s.end_s),
    );
  const film = filmPlayer(script.film_asset_id, signal, mark);
  const onmove = (/** @type {number} */ i, /** @type {number} */ step) => rows[i + step]?.focus();
  const play = (/** @type {{start_s: number, end_s: number}} */ s) => film.play(s.start_s, s.end_s);
  const hush = () => film.pause();
  const rows = script.sentences.map((s, i) => sentenceRow(s, i, { corrections, signal, speak, play, hush, onmove }));
  const summary = h("p", { class: "num", role: "status" });
  /** The next one that is too long, after the row with the focus. */
  function toLong() {
    const at = rows.findIndex(({ el }) => el.contains(document.activeElement));
    const later = [...rows.slice(at + 1), ...rows.slice(0, at + 1)];
    later.find((row) => corrections.fitting(row.sentence).kind === "long")?.focus();
  }
  const tools = tableTools(corrections, toLong);
  const draw = () => {
    for (const row of rows) row.draw();
    drawSummary(summary, corrections);
    tools.draw();
  };
  corrections.watch(signal, draw);
  signal.addEventListener("abort", stopSound);
  draw();
  const table = h(
    "table",
    { class: "table sentences" },
    h("caption", { class: "sr" }, t("dubbing.table")),
    tableHead(corrections.script),
    h("tbody", null, ...rows.map((row) => row.el)),
  );
  const beside = h(
    "div",
    { class: "stack tight grow dubbing-about" },
    summary,
    h("p", { class: "small-text muted dubbing-keys" }, t("dubbing.keys")),
    tools.el,
  );
  return {
    el: h("div", { class: "sentences-place" }, h("div", { class: "dubbing-bar" }, film.el, beside), table),
    focus: () => rows[0]?.focus(),
    showProblem(index, error) {
      const row = rows.find((r) => r.sentence.index === index);
      if (!row) return false;
      row.showProblem(error);
      row.focus();
      reveal(row.el);
      return true;
    },
    forgetProblems: () => rows.forEach((row) => row.forgetProblem()),
  };
}

/** @param {import("./types.js").Script} script */
function tableHead({ source_language, language }) {
  const cells = [
    t("dubbing.column.time"),
    t("dubbing.column.text", { language: languageName(source_language) }),
    t("dubbing.column.translation", { language: languageName(language) }),
    t("dubbing.column.fit"),
    t("dubbing.column.tools"),
  ];
  return h("thead", null, h("tr", null, ...cells.map((words) => h("th", { scope: "col" }, words))));
}

/** @param {Corrections} corrections @param {() => void} toLong */
function tableTools(corrections, toLong) {
  const { sentences } = corrections.script;
  const long = button({ icon: "alert", label: t("dubbing.to_long"), kind: "small", onclick: toLong });
  const reset = button({
    icon: "undo",
    label: t("dubbing.reset"),
    kind: "small quiet",
    onclick: () => void resetAll(),
  });
  async function resetAll() {
    const question = { title: t("dubbing.reset"), text: t("dubbing.reset.text"), yes: t("dubbing.reset") };
    if (!(await confirmDialog(question))) return;
    for (const s of sentences) corrections.reset(s);
  }
  const el = h("div", { class: "row wrap" }, long, reset);
  const draw = () => {
    long.hidden = !sentences.some((s) => corrections.fitting(s).kind === "long");
    reset.hidden = !sentences.some((s) => corrections.isChanged(s));
  };
  return { el, draw };
}
