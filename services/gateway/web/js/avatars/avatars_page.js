// @ts-check
// The Avatars page: all avatars, and adding one.
import { announce } from "../components/announcements.js";
import { ACCEPT, dropZone } from "../components/file_input.js";
import { uploadFile } from "../components/file_upload.js";
import { field } from "../components/form.js";
import { page, pill, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { CHECK_TIMEOUT_MS, get, idempotentCreator } from "../core/api.js";
import { consentChoice } from "../consent/consent_choice.js";
import { button, fill, h } from "../core/dom.js";
import { formatBytes } from "../core/format.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { setQuery } from "../core/router.js";
import { fetchAvatars, invalidate, latestSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { jobProgress } from "../jobs/job_progress.js";
import * as jobs from "../jobs/job_store.js";
import { avatarCard } from "./avatar_card.js";
import { avatarReport } from "./avatar_report.js";

/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {import("../core/types.js").Job} Job */

const DEFAULT_UPLOAD_BYTES = 524_288_000;

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function avatarsPage({ signal, query }) {
  const cards = loadable(
    fetchAvatars,
    (all) => h("ul", { class: "grid people" }, ...all.map((a) => avatarCard(a, reload))),
    {
      skeletons: 1,
      height: 260,
    },
  );
  function reload() {
    invalidate("avatars");
    void cards.reload();
  }
  const preparing = h("ul", { class: "stack" });
  const follow = (/** @type {Job} */ job) => followPreparation(job, preparing, signal, reload);
  const adding = h("div", null);
  /** An old refusal says nothing about another file. */
  const forgetFailures = () => preparing.querySelectorAll("[data-state=failed]").forEach((el) => el.remove());
  const steps = addingSteps({ place: adding, signal, onfile: forgetFailures, onstarted: follow });
  steps.askForFile();
  const asset = query.get("asset");
  // without the asset, which may have been deleted, the first step remains
  if (asset) get(`/assets/${encodeURIComponent(asset)}`, signal).then(steps.askForName, () => {});
  jobs.fetchJobs("kind=avatar&state=active", signal).then(
    (found) => found.forEach(follow),
    () => {}, // the list of avatars shows the problem
  );
  return page(
    t("nav.avatars"),
    t("avatars.lead"),
    section(t("avatars.add"), [], adding, preparing),
    section(t("avatars.all"), [], cards.el),
  );
}

/**
 * The steps of adding an avatar: its file, then its name. The address names the file, so that a reload keeps the step.
 * @param {object} options
 * @param {HTMLElement} options.place
 * @param {AbortSignal} options.signal
 * @param {() => void} options.onfile called when a file has been chosen
 * @param {(job: Job) => void} options.onstarted
 */
function addingSteps({ place, signal, onfile, onstarted }) {
  function askForFile() {
    setQuery("asset", null);
    fill(
      place,
      fileZone(signal, (file) => void send(file)),
    );
  }
  async function send(/** @type {File} */ file) {
    onfile();
    const asset = await uploadFile(place, file, { signal, back: askForFile });
    if (asset) askForName(asset);
  }
  function askForName(/** @type {Asset} */ asset) {
    setQuery("asset", asset.id);
    const form = namingForm(asset, askForFile, (job) => {
      askForFile();
      onstarted(job);
    });
    fill(place, form);
    form.querySelector("input")?.select();
  }
  return { askForFile, askForName };
}

/** @param {AbortSignal} signal @param {(file: File) => void} onfile */
const fileZone = (signal, onfile) =>
  dropZone({
    accept: ACCEPT.avatar,
    title: t("avatars.drop"),
    help: t("avatars.drop.help", { size: formatBytes(latestSystem()?.limits.upload_bytes ?? DEFAULT_UPLOAD_BYTES) }),
    signal,
    onfile,
    icon: "avatar",
  });

/**
 * @param {Asset} asset
 * @param {() => void} back
 * @param {(job: Job) => void} onstarted
 */
function namingForm(asset, back, onstarted) {
  const createAvatar = idempotentCreator("/avatars", CHECK_TIMEOUT_MS);
  const draft = `draft.avatar.${asset.id}`;
  const name = h("input", {
    class: "input",
    value: loadPreference(draft, asset.name.replace(/\.[^.]+$/, "")),
    maxlength: 60,
    required: true,
    on: { input: () => savePreference(draft, name.value) },
  });
  const problem = h("div", null);
  const consent = consentChoice({ face: true });
  const cancel = () => {
    savePreference(draft, undefined);
    back();
  };
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    try {
      const job = jobs.created(await createAvatar({ asset_id: asset.id, name: name.value.trim(), ...consent.field() }));
      invalidate("consents");
      savePreference(draft, undefined);
      onstarted(job);
    } catch (error) {
      fill(problem, problemCard(error));
      consent.refused(error);
    }
  };
  const create = h("button", { class: "button primary", type: "submit" }, t("avatars.create"));
  const buttons = h("div", { class: "row wrap" }, create, button({ label: t("cancel"), onclick: cancel }));
  const fields = h("div", { class: "stack" }, field(t("avatars.name"), name), consent.el, buttons, problem);
  return h("form", { class: "card naming", on: { submit } }, preview(asset), fields);
}

/** @param {Asset} asset */
const preview = ({ kind, url }) =>
  kind === "image"
    ? h("img", { src: url, alt: "", class: "source-preview" })
    : h("video", { src: url, class: "source-preview", controls: true, playsinline: true, muted: true });

/**
 * Shows a preparation in `list` until it is dismissed.
 * @param {Job} first @param {HTMLElement} list @param {AbortSignal} signal @param {() => void} onready
 */
function followPreparation(first, list, signal, onready) {
  if (list.querySelector(`[data-job="${first.id}"]`)) return;
  const el = h("li", { class: "job", "data-job": first.id });
  list.prepend(el);
  let state = "";
  jobs.follow(first, signal, (job) => {
    if (state === job.state) return;
    const before = state;
    state = job.state;
    const title = h("h3", { class: "clip" }, job.params.name ?? "");
    const dismiss = button({ label: t("dismiss"), kind: "small", onclick: () => el.remove() });
    if (job.state === "succeeded") {
      fill(el, ...preparedAvatar(job, title, dismiss));
      announce(t("avatars.ready"));
      onready();
    } else if (job.state === "cancelled") el.remove();
    else if (job.state === "failed") {
      el.dataset.state = "failed";
      fill(el, title, job.error ? problemCard(job.error) : null, h("div", null, dismiss));
    } else if (!before || before === "queued") {
      fill(el, title, jobProgress(job, signal), h("p", { class: "small-text muted" }, t("safe.close")));
    }
  });
}

/** @param {Job} job @param {HTMLElement} title @param {HTMLElement} dismiss */
function preparedAvatar({ result }, title, dismiss) {
  const query = `avatar=${result?.avatar_id}`;
  return [
    h("div", { class: "row apart" }, title, pill(t("avatars.ready"), "good")),
    result?.report ? avatarReport(result.report, result.avatar?.kind) : null,
    h(
      "div",
      { class: "row wrap" },
      linkButton({ href: `/chat_system?${query}`, label: t("avatars.talk"), kind: "primary small" }),
      linkButton({ href: `/video_generation?${query}`, label: t("avatars.video"), kind: "small" }),
      dismiss,
    ),
  ];
}
