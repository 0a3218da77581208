// @ts-check
// The Video page: choose an avatar, what it says and how, and get the video in place.
import { avatarChoices, requestedChoice } from "../avatars/avatar_choices.js";
import { avatarPicker } from "../avatars/avatar_picker.js";
import { page, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { idempotentCreator } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { setQuery } from "../core/router.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { renderOptions, renderOptionValues } from "./render_options.js";
import { speechInput } from "./speech_input.js";
import { videoGallery } from "./video_gallery.js";
import { videoJobs } from "./video_jobs.js";

/** @typedef {import("../core/types.js").AvatarChoice} AvatarChoice */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function videoPage({ signal, query }) {
  /** @type {AvatarChoice | null} */
  let choice = null;
  let isWanted = false; // "generate" was pressed before the avatars were there
  const speech = speechInput(signal, forgetFailure);
  const problem = h("div", { role: "alert" });
  const go = button({ icon: "video", label: t("video.generate"), kind: "primary large", onclick: generate });
  const earlier = videoGallery(signal);
  const making = videoJobs(signal, { retry: () => void generate(), onready: () => void earlier.reload() });
  const avatars = avatarSection(query, (chosen) => {
    if (choice) forgetFailure();
    choice = chosen;
    speech.setAvatar(chosen.avatar);
    if (isWanted) void generate();
  });
  /** An old refusal says nothing about what has been changed since. */
  function forgetFailure() {
    fill(problem);
    making.clear("failed");
  }

  const createVideo = idempotentCreator("/videos");
  async function generate() {
    fill(problem);
    const said = speech.value();
    if ("missing" in said) return fill(problem, h("p", { class: "missing" }, said.missing));
    isWanted = !choice;
    if (!choice) return; // begins once they are there; the avatar picker shows what keeps them
    go.disabled = true;
    try {
      const job = jobs.store(await createVideo({ ...choiceParams(choice), ...said, ...optionParams(choice) }));
      setQuery("job", job.id);
      making.clear();
      making.follow(job, { show: true });
    } catch (error) {
      fill(problem, problemCard(error, { alert: false }));
    }
    go.disabled = false;
  }

  showRequestedVideo(query, signal, making);
  return page(
    t("nav.video"),
    t("video.lead"),
    avatars,
    section(t("video.what"), [], speech.el),
    renderOptions(),
    h("div", { class: "stack" }, h("div", null, go), problem),
    making.el,
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
 * Shows the job of the address; unfinished ones are shown in any case.
 * @param {URLSearchParams} query @param {AbortSignal} signal @param {ReturnType<typeof videoJobs>} making
 */
function showRequestedVideo(query, signal, making) {
  const wanted = query.get("job");
  if (!wanted) return;
  jobs.fetchJob(wanted, signal).then(
    (job) => making.follow(job),
    (error) => signal.aborted || making.fail(error),
  );
}
