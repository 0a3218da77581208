// @ts-check
// A script that is being written: how far it is, and the sentences as they come.
import { fill, h, icon, setText } from "../core/dom.js";
import { formatClock } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { jobProgress } from "../jobs/job_progress.js";
import * as jobs from "../jobs/job_store.js";
import { seconds } from "./fit_words.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("./types.js").Sentence} Sentence */

/** @param {Job} first @param {AbortSignal} signal until it has ended */
export function scriptProgress(first, signal) {
  const steps = h("ul", { class: "row wrap dubbing-steps num", "aria-live": "polite" });
  const rows = h("ol", { class: "script-rows", tabindex: 0, "aria-label": t("dubbing.table") });
  let shown = "";
  jobs.follow(first, signal, (job) => {
    const sentences = sentencesOf(job);
    const now = JSON.stringify(sentences);
    if (now === shown) return;
    shown = now;
    drawSteps(steps, sentences);
    fill(rows, ...sentences.map(sentenceLine));
  });
  return h(
    "div",
    { class: "card" },
    jobProgress(first, signal),
    steps,
    rows,
    h("p", { class: "small-text muted" }, t("safe.close")),
  );
}

/** @param {Job} job @returns {Sentence[]} */
const sentencesOf = (job) => job.partial?.sentences ?? [];

const isTranslated = (/** @type {Sentence} */ s) => Boolean(s.translation);
const isSpoken = (/** @type {Sentence} */ s) => (s.spoken_s ?? null) !== null;

/** @param {Element} el @param {Sentence[]} sentences */
function drawSteps(el, sentences) {
  const counts = {
    heard: sentences.length,
    translated: sentences.filter(isTranslated).length,
    spoken: sentences.filter(isSpoken).length,
  };
  const lines = Object.entries(counts).map(([key, n]) => t(`dubbing.step.${key}`, { n }));
  lines.forEach((line, i) => {
    const item = el.children[i] ?? el.appendChild(h("li", { class: "pill plain" }));
    setText(item, line);
  });
}

/** @param {Sentence} s */
const sentenceLine = (s) =>
  h(
    "li",
    { class: "script-row" },
    h("span", { class: "num small-text muted" }, formatClock(s.start_s)),
    h("span", null, s.text),
    s.translation
      ? h("span", null, s.translation)
      : h("span", { class: "muted small-text" }, t("dubbing.not_translated")),
    isSpoken(s)
      ? h(
          "span",
          { class: "row small-text num" },
          icon("check", "small"),
          t("dubbing.seconds", { s: seconds(s.spoken_s ?? 0) }),
        )
      : h("span", { class: "row small-text muted" }, icon("clock", "small"), t("dubbing.not_spoken")),
  );
