// @ts-check
// The videos that are being made, each with its progress, and those that have just ended.
import { announce } from "../components/announcements.js";
import { section } from "../components/layout.js";
import { problemCard } from "../components/problem_card.js";
import { fill, h, reveal } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { jobProgress } from "../jobs/job_progress.js";
import { jobWords } from "../jobs/job_text.js";
import * as jobs from "../jobs/job_store.js";
import { sceneProgress } from "../studio/scene_progress.js";
import { resultCard } from "./video_result.js";

/** @typedef {import("../core/types.js").Job} Job */
/**
 * @typedef {object} MakingOptions
 * @property {() => void} retry
 * @property {(job: Job) => void} onready
 * @property {(job: Job) => void} onfailed
 * @property {(job: Job, index: number) => void} redo makes one scene of a job again
 */

/**
 * All unfinished videos of the user, newest first, those begun elsewhere included. A finished one stays until the next
 * is begun.
 * @param {AbortSignal} signal @param {MakingOptions} options
 */
export function videoJobs(signal, options) {
  const el = h("div", { class: "making stack loose", id: "making" });

  /** @param {Job} first @param {{show?: boolean}} [options] `show` moves it onto the screen */
  function follow(first, { show = false } = {}) {
    let place = el.querySelector(`[data-job="${CSS.escape(first.id)}"]`);
    if (!place) {
      place = h("div", { "data-job": first.id });
      el.prepend(place);
      drawJob(/** @type {HTMLElement} */ (place), first, signal, options);
    }
    if (show) reveal(place);
  }

  jobs.watch(
    signal,
    ({ job }) => follow(job),
    (job) => job.kind === "video" && !job.params.dubbing && !jobs.isFinished(job), // dubbed films are on their own page
  );
  jobs.fetchJobs("kind=video&state=active&limit=20", signal).catch(() => {}); // the event stream names them as well
  return {
    el,
    follow,
    /** Takes away what has ended: all of it, or what failed. @param {string} [only] "failed" */
    clear: (only = "") => {
      for (const place of el.querySelectorAll(only ? `[data-state="${only}"]` : "[data-state]")) place.remove();
    },
    /** @param {unknown} error */
    fail: (error) => el.prepend(h("div", { "data-state": "failed" }, problemCard(error))),
  };
}

/**
 * Draws a job into `place`, again whenever its state changes. `data-state` is set once it has ended.
 * @param {HTMLElement} place @param {Job} first @param {AbortSignal} signal
 * @param {MakingOptions} options
 */
function drawJob(place, first, signal, { retry, onready, onfailed, redo }) {
  let state = "";
  jobs.follow(first, signal, (job) => {
    if (job.state === state) return;
    const before = state;
    state = job.state;
    if (jobs.isFinished(job)) place.dataset.state = state;
    if (job.state === "succeeded") {
      fill(place, section(t("video.result"), [], resultCard(job, { autoplay: before === "running", redo })));
      if (!before || !place.isConnected) return;
      announce(t("video.ready"));
      onready(job);
      if (!isTyping()) reveal(place.querySelector(".player") ?? place);
    } else if (jobs.isFinished(job)) {
      fill(place, section(t("video.result"), [], unfinishedVideo(job, retry)));
      if (before && job.state === "failed") onfailed(job);
    } else if (!before || before === "queued") fill(place, section(t("video.making"), [], progressCard(job, signal)));
  });
}

/** Whether the user is writing, and would lose the line when the page moved. */
const isTyping = () => document.activeElement?.matches("textarea, input:not([type=radio])") ?? false;

/** @param {Job} job cancelled or failed @param {() => void} retry */
function unfinishedVideo({ state, error }, retry) {
  if (state === "cancelled") return h("p", { class: "muted" }, t("state.cancelled"));
  return error ? problemCard(error, { retry }) : null;
}

/** @param {Job} job @param {AbortSignal} signal */
const progressCard = (job, signal) =>
  h(
    "div",
    { class: "card" },
    jobWords(job) ? h("p", { class: "clip" }, jobWords(job)) : null,
    jobProgress(job, signal),
    sceneProgress(job, signal),
    h("p", { class: "small-text muted" }, t("safe.close")),
  );
