// @ts-check
// A job in a list: title, state, progress, and what can be done with it.
import { confirmDialog } from "../components/dialog.js";
import { fallbackNote } from "../components/fallback_note.js";
import { pill } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { problemCard } from "../components/problem_card.js";
import { button, fill, h } from "../core/dom.js";
import { formatMilliseconds, timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { jobProgress } from "./job_progress.js";
import * as jobs from "./job_store.js";
import { jobTitle, jobUrl } from "./job_text.js";

/** @typedef {import("../core/types.js").Job} Job */

const PILL_KINDS = { queued: "", running: "warn", succeeded: "good", failed: "bad", cancelled: "" };

/**
 * A row that follows its job until `signal` aborts.
 * @param {Job} first
 * @param {AbortSignal} signal
 * @param {{onremoved?: (job: Job) => void}} [options] without `onremoved` the row has no delete button
 */
export function jobRow(first, signal, { onremoved } = {}) {
  const el = h("li", { class: "job", "data-job": first.id });
  /** @param {Job} job */
  async function remove(job) {
    if (!(await confirmDialog({ title: t("job.remove"), text: t("job.remove.text"), yes: t("delete") }))) return;
    try {
      await jobs.remove(job.id);
      el.remove();
      onremoved?.(job);
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  let state = "";
  jobs.follow(first, signal, (job) => {
    if (job.state === state) return; // within a state the progress updates itself
    state = job.state;
    fill(el, ...rowContent(job, signal, onremoved ? () => void remove(job) : null));
  });
  return el;
}

/** @param {Job} job @param {AbortSignal} signal @param {(() => void) | null} remove */
function rowContent(job, signal, remove) {
  const running = !jobs.isFinished(job);
  return [
    h(
      "div",
      { class: "row apart" },
      h("a", { href: jobUrl(job), class: "clip grow" }, jobTitle(job)),
      job.consent_withdrawn ? pill(t("consent.withdrawn"), "warn") : null,
      pill(t(`state.${job.state}`), PILL_KINDS[job.state]),
    ),
    running ? jobProgress(job, signal) : null,
    job.error && job.state === "failed" ? problemCard(job.error, { alert: false }) : null,
    fallbackNote((job.result ?? job.partial)?.fallbacks),
    h("div", { class: "row apart" }, jobFacts(job), running ? null : jobActions(job, remove)),
  ];
}

/** @param {Job} job */
function jobFacts({ id, created_at, started_at, finished_at }) {
  const ms = started_at && finished_at ? Date.parse(finished_at) - Date.parse(started_at) : null;
  return h(
    "div",
    { class: "facts" },
    timeElement(created_at),
    ms === null ? null : h("span", { class: "num" }, t("job.took", { time: formatMilliseconds(ms) })),
    h("code", { class: "mono clip" }, id),
  );
}

/** @param {Job} job @param {(() => void) | null} remove */
function jobActions(job, remove) {
  const open = () => linkButton({ href: jobUrl(job), label: t("job.open"), kind: "small quiet" });
  return h(
    "div",
    { class: "row" },
    job.state === "succeeded" ? open() : null,
    remove ? button({ icon: "trash", label: t("job.remove"), bare: true, kind: "small", onclick: remove }) : null,
  );
}
