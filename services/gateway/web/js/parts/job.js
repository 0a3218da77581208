// @ts-check
// One job as people see it: what, where it stands, how long still, and what can be done about it.
import { button, fill, h, say } from "../core/dom.js";
import { moment, percent, span, took } from "../core/format.js";
import { t, term } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { bar, linkButton, pill } from "./bits.js";
import { confirmDialog } from "./dialog.js";
import { fallbackNote } from "./fallback.js";
import { problemCard, toast } from "./say.js";

/** @typedef {import("../core/types.js").Job} Job */

const KIND_OF_STATE = { queued: "", running: "warn", succeeded: "good", failed: "bad", cancelled: "" };

/** What the job is about, in a few words. @param {Job} job */
export function about(job) {
  const words = job.params.text || job.partial?.transcript || job.params.name || "";
  return words ? `${t(`kind.${job.kind}`)} · ${words}` : t(`kind.${job.kind}`);
}

/** Where the job can be seen. @param {Job} job @returns {string} */
export function home(job) {
  if (job.kind === "dialogue") {
    const conversation = job.result?.conversation_id ?? job.params.conversation_id;
    return conversation
      ? `/chat_system?c=${encodeURIComponent(conversation)}`
      : `/chat_system?job=${encodeURIComponent(job.id)}`;
  }
  if (job.kind === "video") return `/video_generation?job=${encodeURIComponent(job.id)}`;
  if (job.kind === "avatar") return "/avatars";
  return `/model_training?job=${encodeURIComponent(job.id)}`;
}

/** What is happening, in words. @param {Job} job */
export function stageText(job) {
  if (jobs.over(job)) return t(`state.${job.state}`);
  if (job.stage.startsWith("waiting-for-")) return t("stage.waiting", { service: t(`service.${job.stage.slice(12)}`) });
  if (job.state === "queued")
    return job.queue_position ? t("queue.position", { n: job.queue_position }) : t("state.queued");
  return job.stage ? term("stage", job.stage) : t("state.running");
}

/** How long still, in words, or nothing when nobody knows. @param {Job} job */
export const leftText = (job) =>
  job.state === "running" && job.eta_s !== null ? t("time.left", { time: span(job.eta_s) }) : "";

/** Cancels, and tells when that fails. @param {Job} job */
export async function cancelJob(job) {
  try {
    await jobs.cancel(job.id);
  } catch (error) {
    toast(t("cancel.failed", { why: error instanceof Error ? error.message : "" }));
  }
}

/**
 * Stage, percent, time left, queue place and cancel of one job, kept true until `signal` aborts.
 * @param {Job} job @param {AbortSignal} signal
 */
export function jobProgress(job, signal) {
  const progress = bar(about(job));
  const stage = h("span", { class: "stage-name" });
  const part = h("span", { class: "num" });
  const left = h("span", { class: "num muted" });
  const stop = button({ label: t("cancel"), kind: "small", onclick: () => cancelJob(now) });
  let now = job;
  const draw = (/** @type {Job} */ j) => {
    now = j;
    const waiting = j.state === "queued" || j.stage.startsWith("waiting-for-");
    progress.set(waiting ? null : j.progress);
    say(stage, stageText(j));
    say(part, waiting ? "" : percent(j.progress));
    say(left, leftText(j));
    stop.disabled = j.stage === "cancelling";
  };
  draw(job);
  jobs.watch(
    signal,
    (e) => draw(e.job),
    (j) => j.id === job.id,
  );
  return h(
    "div",
    { class: "stack tight job-progress" },
    h("div", { class: "row apart" }, h("div", { class: "row wrap", "aria-live": "polite" }, stage), stop),
    progress.el,
    h("div", { class: "row apart small-text" }, part, left),
  );
}

/**
 * A job in a list.
 * @param {Job} first @param {AbortSignal} signal @param {{gone?: (job: Job) => void}} [o] `gone`: it was removed
 */
export function jobRow(first, signal, { gone } = {}) {
  const el = h("li", { class: "job", "data-job": first.id });
  const draw = (/** @type {Job} */ job) => {
    const running = !jobs.over(job);
    fill(
      el,
      h(
        "div",
        { class: "row apart" },
        h("a", { href: home(job), class: "clip grow" }, about(job)),
        pill(t(`state.${job.state}`), KIND_OF_STATE[job.state]),
      ),
      running ? jobProgress(job, signal) : null,
      job.error && job.state === "failed" ? problemCard(job.error, { alert: false }) : null,
      fallbackNote((job.result ?? job.partial)?.fallbacks),
      h(
        "div",
        { class: "row apart" },
        h(
          "div",
          { class: "facts" },
          moment(job.created_at),
          job.started_at && job.finished_at
            ? h(
                "span",
                { class: "num" },
                t("job.took", { time: took(Date.parse(job.finished_at) - Date.parse(job.started_at)) }),
              )
            : null,
          h("code", { class: "mono clip" }, job.id),
        ),
        running
          ? null
          : h(
              "div",
              { class: "row" },
              job.state === "succeeded"
                ? linkButton({ href: home(job), label: t("job.open"), kind: "small quiet" })
                : null,
              gone
                ? button({
                    icon: "trash",
                    label: t("job.remove"),
                    bare: true,
                    kind: "small",
                    onclick: () => remove(job),
                  })
                : null,
            ),
      ),
    );
  };
  /** @param {Job} job */
  async function remove(job) {
    if (!(await confirmDialog({ title: t("job.remove"), text: t("job.remove.text"), yes: t("delete") }))) return;
    try {
      await jobs.forget(job.id);
      el.remove();
      gone?.(job);
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  draw(first);
  let state = first.state;
  jobs.watch(
    signal,
    (e) => {
      if (e.job.state !== state) draw(e.job); // within a state the progress keeps itself true
      state = e.job.state;
    },
    (j) => j.id === first.id,
  );
  return el;
}
