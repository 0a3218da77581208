// @ts-check
// The place where the steps of a training happen: choose a clip, check it, follow the job, see the result.
import { announce } from "../components/announcements.js";
import { ACCEPT, dropZone } from "../components/file_input.js";
import { uploadFile } from "../components/file_upload.js";
import { section } from "../components/layout.js";
import { isAbort, problemCard } from "../components/problem_card.js";
import { CHECK_TIMEOUT_MS, get, idempotentCreator, list } from "../core/api.js";
import { button, fill, h, reveal } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { setQuery } from "../core/router.js";
import { invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { earlierClips } from "./earlier_clips.js";
import { trainingForm } from "./training_form.js";
import { trainingProgress } from "./training_progress.js";
import { trainingResult } from "./training_result.js";

/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {import("../core/types.js").Device} Device */
/** @typedef {import("../core/types.js").Engine} Engine */
/** @typedef {import("../core/types.js").Job} Job */
/**
 * @typedef {object} WorkspaceOptions
 * @property {Engine[]} engines that can train
 * @property {import("../core/types.js").TrainingClip | null} lengths of a good clip, where they are known
 * @property {Device[]} devices
 * @property {AbortSignal} signal
 * @property {URLSearchParams} query
 * @property {(step: string) => void} setStep marks the current step
 * @property {() => void} onmodel called when a new model is ready
 */
/**
 * @typedef {object} WorkspaceState
 * @property {HTMLElement} place
 * @property {(body: unknown) => Promise<any>} start
 * @property {AbortController} lifetime ends when another job is followed
 */
/** @typedef {WorkspaceOptions & WorkspaceState} Workspace */

/** @param {WorkspaceOptions} options @returns {HTMLElement} */
export function trainingWorkspace(options) {
  const { signal, query } = options;
  const place = h("div", { class: "stack loose", id: "training-place" });
  /** @type {Workspace} */
  const workspace = {
    ...options,
    place,
    start: idempotentCreator("/trainings", CHECK_TIMEOUT_MS),
    lifetime: new AbortController(),
  };
  signal.addEventListener("abort", () => workspace.lifetime.abort());
  const job = query.get("job");
  const asset = query.get("asset");
  if (job) openJob(workspace, job);
  else if (asset) {
    get(`/assets/${encodeURIComponent(asset)}`, signal).then(
      (clip) => askForOptions(workspace, clip),
      () => signal.aborted || askForClip(workspace),
    );
  } else {
    askForClip(workspace);
    showRunningTraining(workspace);
  }
  return place;
}

/** @param {Workspace} workspace @param {string} id */
function openJob(workspace, id) {
  const { place, signal } = workspace;
  fill(place, h("div", { class: "skeleton", "aria-hidden": "true", style: { height: "220px" } }));
  jobs.fetchJob(id, signal).then(
    (job) => followTraining(workspace, job),
    (error) => signal.aborted || fill(place, problemCard(error), h("div", null, anotherButton(workspace))),
  );
}

/** Shows a running training instead of the empty form. @param {Workspace} workspace */
function showRunningTraining(workspace) {
  list("/jobs?kind=training&state=active&limit=1", workspace.signal).then(
    ([job]) => job && !workspace.place.querySelector("form") && followTraining(workspace, jobs.store(job)),
    () => {},
  );
}

/** @param {Workspace} workspace @param {string} [icon] */
const anotherButton = (workspace, icon) =>
  button({ icon, label: t("training.another"), onclick: () => askForClip(workspace) });

/** First step: a new or an earlier clip. @param {Workspace} workspace */
function askForClip(workspace) {
  const { place, signal, lifetime } = workspace;
  lifetime.abort();
  setQuery("job", null);
  setQuery("asset", null);
  workspace.setStep("clip");
  const zone = h("div", null);
  const show = () =>
    fill(
      zone,
      dropZone({
        accept: ACCEPT.video,
        title: t("training.drop"),
        help: t("training.drop.help"),
        signal,
        onfile: (file) => void send(file),
        icon: "video",
      }),
    );
  const choose = (/** @type {Asset} */ clip) => askForOptions(workspace, clip);
  async function send(/** @type {File} */ file) {
    const clip = await uploadFile(zone, file, { signal, back: show });
    if (clip) choose(clip);
  }
  show();
  fill(place, zone, earlierClips(signal, choose), advice(workspace));
}

/** How to record a clip. @param {Workspace} workspace */
function advice({ lengths }) {
  /** @type {Record<string, number>} */
  const range = lengths ? { from: lengths.short_s, to: lengths.most_s } : {};
  const card = (/** @type {string} */ key) =>
    h(
      "li",
      { class: "card" },
      h("strong", null, t(`advice.${key}`, range)),
      h("p", { class: "small-text muted" }, t(`advice.${key}.text`)),
    );
  const cards = ["light", "face", "speech", ...(lengths ? ["length"] : [])].map(card); // the length is what is checked
  return section(t("training.advice"), [], h("ul", { class: "grid advice" }, ...cards));
}

/** Second step: the checks and the options. @param {Workspace} workspace @param {Asset} clip */
function askForOptions(workspace, clip) {
  const { place, engines, lengths, devices } = workspace;
  workspace.setStep("check");
  setQuery("asset", clip.id); // a reload comes back to this step
  const start = async (/** @type {Record<string, unknown>} */ params) =>
    followTraining(workspace, jobs.created(await workspace.start({ video_asset_id: clip.id, ...params })));
  fill(place, trainingForm({ clip, engines, lengths, devices, start, back: () => askForClip(workspace) }));
  const form = place.querySelector("form");
  if (form) reveal(form);
}

/** Starts a job again, which continues from its last checkpoint. @param {Workspace} workspace @param {Job} job */
async function continueTraining(workspace, { params }) {
  const { video_asset_id, engine, steps, device, name } = params;
  const consent = params.consent ?? undefined;
  const body = { video_asset_id, engine, steps, device: device ?? undefined, name, consent };
  try {
    followTraining(workspace, jobs.created(await workspace.start(body)));
  } catch (error) {
    if (isAbort(error)) return;
    fill(workspace.place, problemCard(error), h("div", null, anotherButton(workspace)));
  }
}

/** Third and last step: the progress of a job, then its result. @param {Workspace} workspace @param {Job} first */
function followTraining(workspace, first) {
  workspace.lifetime.abort();
  workspace.lifetime = new AbortController();
  const { signal } = workspace.lifetime;
  setQuery("asset", null);
  setQuery("job", first.id);
  let state = "";
  jobs.follow(first, signal, (job) => {
    const before = state;
    state = job.state;
    if (job.state === before || (job.state === "running" && before === "queued")) return;
    workspace.setStep(job.state === "succeeded" ? "result" : "run");
    showTraining(workspace, job, before, signal);
  });
}

/**
 * @param {Workspace} workspace
 * @param {Job} job
 * @param {string} before its state before, "" at first
 * @param {AbortSignal} signal
 */
function showTraining(workspace, job, before, signal) {
  const { place } = workspace;
  if (job.state === "succeeded" && job.result?.model) {
    fill(place, succeededCard(workspace, job));
    invalidate("avatars");
    invalidate("models");
    invalidate("consents");
    if (!before) return;
    announce(t("training.done"));
    workspace.onmodel();
  } else if (job.state === "failed") fill(place, failedCard(workspace, job));
  else if (job.state === "cancelled") {
    fill(place, cancelledCard(workspace, job));
    announce(t("state.cancelled"));
  } else fill(place, trainingProgress(job, signal));
}

/** @param {Workspace} workspace @param {Job} job */
const succeededCard = (workspace, { params, result }) =>
  h(
    "div",
    { class: "card" },
    h("h2", null, t("training.done"), " · ", params.name ?? ""),
    trainingResult(result?.model),
    h("div", { class: "row wrap" }, anotherButton(workspace, "plus")),
  );

/** @param {Workspace} workspace @param {Job} job */
const continueButton = (workspace, job) =>
  button({
    icon: "refresh",
    label: t("training.go_on"),
    kind: "primary",
    onclick: () => void continueTraining(workspace, job),
  });

/** @param {Workspace} workspace @param {Job} job */
function failedCard(workspace, job) {
  const again = job.error?.retryable ? continueButton(workspace, job) : null;
  return h(
    "div",
    { class: "card", "data-state": "failed" },
    h("h2", null, t("training.failed")),
    job.error ? problemCard(job.error) : null,
    h("div", { class: "row wrap" }, again, anotherButton(workspace, "plus")),
  );
}

/** @param {Workspace} workspace @param {Job} job */
function cancelledCard(workspace, job) {
  const { step, steps } = job.partial ?? {};
  const text = step
    ? t("training.cancelled.at", { step: formatNumber(step), steps: formatNumber(steps ?? 0) })
    : t("training.cancelled");
  return h(
    "div",
    { class: "card", "data-state": "cancelled" },
    h("h2", null, t("state.cancelled")),
    h("p", null, text),
    h("div", { class: "row wrap" }, continueButton(workspace, job), anotherButton(workspace, "plus")),
  );
}
