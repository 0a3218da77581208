// @ts-check
// The Video page: choose an avatar, what it says and how, and get the video in place.
import { avatarChoices, requestedChoice } from "../avatars/avatar_choices.js";
import { avatarPicker } from "../avatars/avatar_picker.js";
import { announce } from "../components/announcements.js";
import { page, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { idempotentCreator } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { setQuery } from "../core/router.js";
import { t } from "../i18n/translate.js";
import { jobProgress } from "../jobs/job_progress.js";
import * as jobs from "../jobs/job_store.js";
import { renderOptions, renderOptionValues } from "./render_options.js";
import { speechInput } from "./speech_input.js";
import { videoGallery } from "./video_gallery.js";
import { resultCard } from "./video_result.js";

/** @typedef {import("../core/types.js").AvatarChoice} AvatarChoice */
/** @typedef {import("../core/types.js").Job} Job */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function videoPage({ signal, query }) {
  /** @type {AvatarChoice | null} */
  let choice = null;
  const speech = speechInput(signal);
  const problem = h("div", { role: "alert" });
  const go = button({ icon: "video", label: t("video.generate"), kind: "primary large", onclick: generate });
  const earlier = videoGallery(signal);
  const result = videoResultPlace(
    signal,
    () => void generate(),
    () => void earlier.reload(),
  );
  const avatars = avatarSection(query, (chosen) => {
    choice = chosen;
    speech.setAvatar(chosen.avatar);
  });

  const createVideo = idempotentCreator("/videos");
  async function generate() {
    fill(problem);
    const said = speech.value();
    if ("missing" in said) return fill(problem, h("p", { class: "missing" }, said.missing));
    if (!choice) return; // the avatar picker shows the problem
    go.disabled = true;
    try {
      const job = jobs.store(await createVideo({ ...choiceParams(choice), ...said, ...optionParams(choice) }));
      setQuery("job", job.id);
      savePreference("video.job", job.id);
      result.follow(job);
      result.el.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (error) {
      fill(problem, problemCard(error, { alert: false }));
    }
    go.disabled = false;
  }

  restoreLastVideo(query, signal, result);
  return page(
    t("nav.video"),
    t("video.lead"),
    avatars,
    section(t("video.what"), [], speech.el),
    renderOptions(),
    h("div", { class: "stack" }, h("div", null, go), problem),
    result.el,
    section(t("video.gallery"), [], earlier.el),
  );
}

/** @param {AvatarChoice} choice */
const choiceParams = ({ avatar, model }) => ({ avatar_id: avatar.id, model: model?.id });

/** A model is rendered by the engine that it was trained for. @param {AvatarChoice} choice */
function optionParams({ model }) {
  const options = renderOptionValues();
  return { ...options, engine: model?.engine ?? options.engine };
}

/** @param {URLSearchParams} query @param {(choice: AvatarChoice) => void} onchange */
function avatarSection(query, onchange) {
  const picker = loadable(
    avatarChoices,
    (all) => {
      const first = requestedChoice(all, query, loadPreference("video.avatar", "builtin"));
      if (first) onchange(first);
      return avatarPicker(all, first?.key ?? "", (chosen) => {
        onchange(chosen);
        savePreference("video.avatar", chosen.key);
      });
    },
    { skeletons: 1, height: 168 },
  );
  const manage = linkButton({ href: "/avatars", label: t("avatar.all"), kind: "quiet small" });
  return section(t("video.who"), [manage], picker.el);
}

/**
 * The place that shows one video job after another, from its progress to the result.
 * @param {AbortSignal} signal @param {() => void} retry @param {() => void} onready
 */
function videoResultPlace(signal, retry, onready) {
  const el = h("div", { class: "making", id: "making" });
  let lifetime = new AbortController();
  signal.addEventListener("abort", () => lifetime.abort());
  /** @param {Job} first */
  function follow(first) {
    lifetime.abort();
    lifetime = new AbortController();
    const mine = lifetime.signal;
    let state = "";
    jobs.follow(first, mine, (job) => {
      if (job.state === state) return;
      const before = state;
      state = job.state;
      if (job.state === "succeeded") {
        fill(el, section(t("video.result"), [], resultCard(job, { autoplay: before === "running" })));
        if (!before) return;
        announce(t("video.ready"));
        onready();
      } else if (jobs.isFinished(job)) fill(el, section(t("video.result"), [], unfinishedVideo(job, retry)));
      else if (!before || before === "queued") fill(el, section(t("video.making"), [], progressCard(job, mine)));
    });
  }
  return { el, follow };
}

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
    job.params.text ? h("p", { class: "clip" }, job.params.text) : null,
    jobProgress(job, signal),
    h("p", { class: "small-text muted" }, t("safe.close")),
  );

/**
 * Shows the job of the address, or the last one if it is still unfinished.
 * @param {URLSearchParams} query @param {AbortSignal} signal @param {ReturnType<typeof videoResultPlace>} result
 */
function restoreLastVideo(query, signal, result) {
  const wanted = query.get("job") ?? loadPreference("video.job", null);
  if (!wanted) return;
  jobs.fetchJob(wanted, signal).then(
    (job) => (query.has("job") || !jobs.isFinished(job) ? result.follow(job) : undefined),
    (error) => query.has("job") && !signal.aborted && fill(result.el, problemCard(error)),
  );
}
