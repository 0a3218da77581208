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
import { idempotentCreator } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { formatBytes } from "../core/format.js";
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
export function avatarsPage({ signal }) {
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
  askForFile(adding, signal, follow);
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
 * First step of adding an avatar: its file.
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @param {(job: Job) => void} onstarted
 */
function askForFile(place, signal, onstarted) {
  const back = () => askForFile(place, signal, onstarted);
  async function onfile(/** @type {File} */ file) {
    const asset = await uploadFile(place, file, { signal, back });
    if (asset) askForName(place, asset, back, onstarted);
  }
  const zone = dropZone({
    accept: ACCEPT.avatar,
    title: t("avatars.drop"),
    help: t("avatars.drop.help", { size: formatBytes(latestSystem()?.limits.upload_bytes ?? DEFAULT_UPLOAD_BYTES) }),
    signal,
    onfile: (file) => void onfile(file),
    icon: "avatar",
  });
  fill(place, zone);
}

/**
 * Second step: its name.
 * @param {HTMLElement} place
 * @param {Asset} asset
 * @param {() => void} back
 * @param {(job: Job) => void} onstarted
 */
function askForName(place, asset, back, onstarted) {
  const createAvatar = idempotentCreator("/avatars");
  const name = h("input", {
    class: "input",
    value: asset.name.replace(/\.[^.]+$/, ""),
    maxlength: 60,
    required: true,
  });
  const problem = h("div", null);
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    try {
      const job = jobs.store(await createAvatar({ asset_id: asset.id, name: name.value.trim() }));
      back();
      onstarted(job);
    } catch (error) {
      fill(problem, problemCard(error));
    }
  };
  const create = h("button", { class: "button primary", type: "submit" }, t("avatars.create"));
  const buttons = h("div", { class: "row wrap" }, create, button({ label: t("cancel"), onclick: back }));
  const fields = h("div", { class: "stack" }, field(t("avatars.name"), name), buttons, problem);
  fill(place, h("form", { class: "card naming", on: { submit } }, preview(asset), fields));
  name.focus();
  name.select();
}

/** @param {Asset} asset */
const preview = ({ kind, url }) =>
  kind === "image"
    ? h("img", { src: url, alt: "", class: "preview" })
    : h("video", { src: url, class: "preview", controls: true, playsinline: true, muted: true });

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
    else if (job.state === "failed")
      fill(el, title, job.error ? problemCard(job.error) : null, h("div", null, dismiss));
    else if (!before || before === "queued") {
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
