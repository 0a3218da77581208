// @ts-check
// One dubbing: its script while it is written, then the table and the film.
import { announce } from "../components/announcements.js";
import { fallbackNote } from "../components/fallback_note.js";
import { emptyState, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { problemCard } from "../components/problem_card.js";
import { loadable } from "../components/loadable.js";
import { fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { textWarningNote } from "../speech/text_warnings.js";
import { Corrections } from "./corrections.js";
import { FilmMaker } from "./film_maker.js";
import { keepSettings } from "./new_dubbing.js";
import { scriptProgress } from "./script_progress.js";
import { sentenceTable } from "./sentence_table.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {(step: string) => void} SetStep */

/**
 * @param {string} id of the script's job @param {string} film id of its job @param {AbortSignal} signal
 * @param {SetStep} setStep
 */
export const dubbingView = (id, film, signal, setStep) =>
  loadable(
    () => jobs.fetchJob(id, signal),
    (job) => {
      const place = h("div", { class: "stack loose" });
      drawScript(place, job, film, signal, setStep);
      return place;
    },
    { skeletons: 3, height: 96 },
  ).el;

/**
 * @param {HTMLElement} place @param {Job} first @param {string} film @param {AbortSignal} signal
 * @param {SetStep} setStep
 */
function drawScript(place, first, film, signal, setStep) {
  let state = "";
  const running = new AbortController();
  signal.addEventListener("abort", () => running.abort());
  jobs.follow(first, signal, (job) => {
    if (job.state === state) return;
    const before = state;
    state = job.state;
    if (!jobs.isFinished(job)) {
      setStep("script");
      if (!before) fill(place, section(t("dubbing.writing"), [], scriptProgress(job, running.signal)));
      return;
    }
    running.abort();
    if (job.state === "succeeded") {
      if (before) announce(t("dubbing.script_ready"));
      setStep("check");
      fill(place, ...tableAndFilm(job, film, signal, setStep));
    } else fill(place, unfinished(job));
  });
}

/** @param {Job} job cancelled or failed */
function unfinished(job) {
  keepSettings(job.params);
  const again = linkButton({
    href: `/dubbing?asset=${encodeURIComponent(job.params.film_asset_id)}`,
    label: t("dubbing.again"),
    icon: "refresh",
  });
  if (job.state === "cancelled") return emptyState("text", t("dubbing.cancelled"), again);
  return h("div", { class: "stack" }, problemCard(job.error), h("div", null, again));
}

/** @param {Job} job @param {string} film @param {AbortSignal} signal @param {SetStep} setStep */
function tableAndFilm(job, film, signal, setStep) {
  const script = /** @type {import("./types.js").Script} */ (job.result);
  if (!script.sentences.length) return [emptyState("text", t("dubbing.no_sentences"))];
  const corrections = new Corrections(job.id, script);
  const table = sentenceTable(corrections, signal);
  const maker = new FilmMaker(corrections, signal, {
    onbegin: () => table.forgetProblems(),
    onproblem: (error) => {
      const index = sentenceOfProblem(error);
      return index !== null && table.showProblem(index, error);
    },
    oncorrect: () => table.focus(),
    onstep: setStep,
  });
  void maker.take(film);
  return [
    maker.film,
    section(t("dubbing.check"), [], fallbackNote(script.fallbacks), textWarningNote(script.warnings), table.el),
    section(t("dubbing.make.title"), [], maker.el),
  ];
}

/** Which sentence a problem is about, from 0; null when it is about the whole. @param {any} problem */
function sentenceOfProblem(problem) {
  const named = Number(problem?.params?.sentence);
  return named >= 1 ? named - 1 : null;
}
