// @ts-check
// The progress of a running job.
import { toast } from "../components/announcements.js";
import { progressBar } from "../components/progress_bar.js";
import { button, h, setText } from "../core/dom.js";
import { formatPercent } from "../core/format.js";
import { t } from "../i18n/translate.js";
import * as jobs from "./job_store.js";
import { jobTitle, stageText, timeLeftText } from "./job_text.js";

/** @typedef {import("../core/types.js").Job} Job */

/**
 * Stage, percent, time left, queue position and cancel button of a job, updated until `signal` aborts.
 * @param {Job} job @param {AbortSignal} signal
 */
export function jobProgress(job, signal) {
  const progress = progressBar(jobTitle(job));
  const stage = h("span", { class: "stage-name" });
  const part = h("span", { class: "num" });
  const left = h("span", { class: "num muted" });
  const stop = button({ label: t("cancel"), kind: "small", onclick: () => cancelJob(latest) });
  let latest = job;
  const draw = (/** @type {Job} */ j) => {
    latest = j;
    const waiting = j.state === "queued" || j.stage.startsWith("waiting-for-");
    progress.set(waiting ? null : j.progress);
    setText(stage, stageText(j));
    setText(part, waiting ? "" : formatPercent(j.progress));
    setText(left, timeLeftText(j));
    stop.disabled = j.stage === "cancelling";
  };
  jobs.follow(job, signal, draw);
  return h(
    "div",
    { class: "stack tight job-progress" },
    h("div", { class: "row apart" }, h("div", { class: "row wrap", "aria-live": "polite" }, stage), stop),
    progress.el,
    h("div", { class: "row apart small-text" }, part, left),
  );
}

/** Cancels a job, and shows a toast when that fails. @param {Job} job */
export async function cancelJob(job) {
  try {
    await jobs.cancel(job.id);
  } catch (error) {
    toast(t("cancel.failed", { why: error instanceof Error ? error.message : "" }));
  }
}
