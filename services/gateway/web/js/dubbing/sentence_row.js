// @ts-check
// One sentence of the table: its time, both texts, how it fits, and what can be done with it.
import { announce } from "../components/announcements.js";
import { problemCard } from "../components/problem_card.js";
import { button, fill, h, icon, setText } from "../core/dom.js";
import { formatClock } from "../core/format.js";
import { t, term } from "../i18n/translate.js";
import { drawFit, fitText, lengthText } from "./fit_words.js";
import { listenButton } from "./listening.js";

/** @typedef {import("./types.js").Sentence} Sentence */
/** @typedef {import("./corrections.js").Corrections} Corrections */
/**
 * @typedef {object} RowOptions
 * @property {Corrections} corrections
 * @property {AbortSignal} signal
 * @property {(text: string, stop: AbortSignal) => Promise<import("./listening.js").Spoken>} speak
 * @property {(sentence: Sentence) => void} play the film where the sentence is
 * @property {() => void} hush stops the film
 * @property {(index: number, step: number) => void} onmove to the row before or after
 */

const CHARS = 1000;

/** @param {Sentence} s @param {number} i its place in the table @param {RowOptions} options */
export function sentenceRow(s, i, options) {
  const { corrections } = options;
  const problem = h("div", { class: "note-place" });
  const fit = h("div", { class: "fit" });
  const warnings = h("ul", { class: "sentence-warnings small-text note-place" });
  const words = translationArea(s, i, options, () => tools.listen());
  const tools = rowTools(s, i + 1, options, problem, () => words.area.focus());
  const el = h(
    "tr",
    { "data-sentence": s.index },
    h("th", { scope: "row" }, playButton(s, i + 1, options)),
    h("td", { class: "sentence-text", lang: corrections.script.source_language }, s.text),
    h("td", { class: "sentence-translation" }, words.area, warnings, problem),
    h("td", { class: "sentence-fit" }, fit),
    tools.el,
  );
  function draw() {
    words.draw();
    tools.draw();
    drawFit(fit, corrections.fitting(s), s.slot_s);
    const lines = warningLines(s, corrections);
    fill(warnings, ...lines.map((line) => h("li", { class: "row" }, icon("alert", "small"), line)));
    el.classList.toggle("out", corrections.isOut(s));
  }
  draw();
  return {
    el,
    draw,
    sentence: s,
    focus: () => words.area.focus(),
    /** Shows what is wrong with it. @param {unknown} error */
    showProblem(error) {
      el.classList.add("wrong");
      fill(problem, problemCard(error));
    },
    forgetProblem() {
      if (!el.classList.contains("wrong")) return;
      el.classList.remove("wrong");
      fill(problem);
    },
  };
}

/**
 * Listening, leaving out, and taking corrections back.
 * @param {Sentence} s @param {number} n @param {RowOptions} options @param {HTMLElement} problem
 * @param {() => void} focus on the text
 */
function rowTools(s, n, { corrections, signal, speak, hush }, problem, focus) {
  const listen = listenButton(t("sentence.listen.n", { n }), signal, {
    async speak(stop) {
      fill(problem);
      const text = corrections.translation(s).trim();
      if (!text) return null;
      hush();
      const spoken = await speak(text, stop);
      corrections.heard(s, text, spoken.duration_s);
      const now = corrections.fitting(s);
      announce(`${fitText(now)}. ${lengthText(now, s.slot_s)}`);
      return spoken;
    },
    onproblem: (error) => fill(problem, problemCard(error)),
  });
  const tool = (/** @type {string} */ name, /** @type {string} */ key, /** @type {() => void} */ onclick) =>
    button({ icon: name, label: t(key, { n }), bare: true, kind: "small", onclick });
  const leave = tool("mute", "sentence.leave.n", () => corrections.edit(s, { is_out: !corrections.isOut(s) }));
  const reset = tool("undo", "sentence.reset.n", () => {
    corrections.reset(s);
    focus();
  });
  return {
    el: h("td", { class: "sentence-tools" }, listen.el, leave, reset),
    listen: listen.toggle,
    draw() {
      const isOut = corrections.isOut(s);
      leave.setAttribute("aria-pressed", String(isOut));
      listen.el.disabled = isOut || !corrections.translation(s).trim();
      reset.disabled = !corrections.isChanged(s);
    },
  };
}

/** @param {Sentence} s @param {number} n @param {RowOptions} options */
function playButton(s, n, { play }) {
  const from = formatClock(s.start_s);
  const label = t("sentence.play.n", { n, from });
  return h(
    "button",
    {
      type: "button",
      class: "button quiet small num sentence-time",
      "aria-label": label,
      on: { click: () => play(s) },
    },
    icon("play", "small"),
    from,
  );
}

/** @param {Sentence} s @param {number} i @param {RowOptions} options @param {() => void} listen */
function translationArea(s, i, { corrections, onmove }, listen) {
  const input = () => corrections.edit(s, { translation: area.value });
  const keydown = (/** @type {KeyboardEvent} */ e) => {
    if (e.key !== "Enter" || e.isComposing) return; // Enter also ends the choice of a Chinese character
    e.preventDefault();
    if (e.ctrlKey || e.metaKey) listen();
    else onmove(i, e.shiftKey ? -1 : 1);
  };
  const area = h("textarea", {
    class: "input",
    rows: 1,
    maxlength: CHARS,
    lang: corrections.script.language,
    "aria-label": t("sentence.translation.n", { n: i + 1, text: s.text }),
    on: { input, keydown },
  });
  return {
    area,
    draw() {
      const now = corrections.translation(s);
      if (area.value !== now) area.value = now; // not while it is typed: the caret would jump
      area.disabled = corrections.isOut(s);
    },
  };
}

/** @param {Sentence} s @param {Corrections} corrections */
function warningLines(s, corrections) {
  const missed = corrections
    .missedTerms(s)
    .map(({ source, target }) => t("sentence.warning.glossary-missed", { source, target }));
  const others = (s.warnings ?? [])
    .filter((reason) => reason !== "glossary-missed") // found here, in what is written now
    .map((reason) => term("sentence.warning", reason));
  return [...missed, ...others];
}

/** How many sentences fit, and how many do not. @param {Element} el @param {Corrections} corrections */
export function drawSummary(el, corrections) {
  const kinds = corrections.script.sentences.map((s) => corrections.fitting(s).kind);
  const count = (/** @type {string[]} */ ...wanted) => kinds.filter((kind) => wanted.includes(kind)).length;
  const parts = [
    t("dubbing.count", { n: kinds.length }),
    ...[
      ["fits", count("fits", "slow")],
      ["fast", count("fast")],
      ["long", count("long")],
      ["silent", count("silent")],
      ["unheard", count("unheard")],
    ]
      .filter(([, n]) => n)
      .map(([kind, n]) => t(`dubbing.count.${kind}`, { n })),
  ];
  setText(el, parts.join(" · "));
}
