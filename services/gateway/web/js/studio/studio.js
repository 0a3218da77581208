// @ts-check
// One draft on the page: who, the scenes, what is around them, and what is sent for it.
import { avatarChoices, requestedChoice } from "../avatars/avatar_choices.js";
import { avatarPicker } from "../avatars/avatar_picker.js";
import { section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { h } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { latestSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { renderOptions, renderOptionValues } from "../video/render_options.js";
import { isPlain, requestOf, sceneRequest } from "./request.js";
import { characterLimit } from "./length_and_count.js";
import { SceneList } from "./scene_list.js";
import { countCharacters, isEmpty, isRecording } from "./script.js";
import { wholeVideo } from "./whole_video.js";

/** @typedef {import("./types.js").Script} Script */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Studio} Studio */
/** @typedef {import("../core/types.js").AvatarChoice} AvatarChoice */

const DEFAULT_TEXT_CHARS = 5000;

/** Characters of a text that is sent without scenes. */
const textLimit = () => latestSystem()?.limits.text_chars ?? DEFAULT_TEXT_CHARS;

/**
 * Draws a script.
 * @param {Script} script @param {AbortSignal} signal @param {URLSearchParams} query
 * @param {{onchange: () => void, onready: () => void}} options `onready`: the avatars are known
 */
export function drawStudio(script, signal, query, { onchange, onready }) {
  const bus = new EventTarget();
  /** @type {AvatarChoice[]} */
  let all = [];
  /** @type {AvatarChoice | null} */
  let whole = null;
  /** @type {Studio} */
  const studio = {
    script,
    signal,
    changed(change) {
      bus.dispatchEvent(new CustomEvent("change", { detail: change }));
      onchange();
    },
    watch: (callback) =>
      bus.addEventListener("change", (e) => callback(/** @type {CustomEvent} */ (e).detail), { signal }),
    choices: () => all,
    personOf: ({ avatar_id, model }) =>
      avatar_id || model
        ? (all.find((c) => c.avatar.id === (avatar_id ?? "") && c.model?.id === (model ?? undefined)) ?? whole)
        : whole,
  };
  const scenes = new SceneList(studio);
  const who = whoSection(studio, query, {
    onknown(choices, first) {
      all = choices;
      whole = first;
      bus.dispatchEvent(new CustomEvent("change"));
      onready();
    },
    onpick(chosen) {
      whole = chosen;
      Object.assign(script, { avatar_id: chosen.avatar.id || null, model: chosen.model?.id ?? null });
      savePreference("video.avatar", chosen.key);
      studio.changed();
    },
  });
  const how = renderOptions((callback) => {
    const tell = () => callback(isPlain(script, textLimit()));
    studio.watch(tell);
    tell();
  });
  const el = h(
    "div",
    { class: "studio stack" },
    who,
    section(t("video.what"), [], scenes.el),
    section(t("whole"), [], wholeVideo(studio, how)),
  );
  return {
    el,
    studio,
    isReady: () => whole !== null,
    cardOf: (/** @type {Scene} */ scene) => scenes.cardOf(scene),
    request: () => requestOf(script, studio.personOf, renderOptionValues(), textLimit()),
    sceneRequest: (/** @type {Scene} */ scene) => sceneRequest(scene, studio.personOf(scene)),
    missing: () => whatIsMissing(script),
  };
}

/**
 * @param {Studio} studio @param {URLSearchParams} query
 * @param {{onknown: (all: AvatarChoice[], first: AvatarChoice | null) => void, onpick: (c: AvatarChoice) => void}} on
 */
function whoSection(studio, query, { onknown, onpick }) {
  const { script } = studio;
  const saved = [script.avatar_id, script.model].filter(Boolean).join("+");
  const key = script.model && !script.avatar_id ? `+${script.model}` : saved;
  const picker = loadable(
    avatarChoices,
    (all) => {
      const first = requestedChoice(all, query, key || loadPreference("video.avatar", "builtin"));
      onknown(all, first ?? null);
      return avatarPicker(all, first?.key ?? "", onpick);
    },
    { skeletons: 1, height: 168 },
  );
  const manage = linkButton({ href: "/avatars", label: t("avatar.all"), kind: "quiet small" });
  const note = h("p", { class: "small-text muted" }, t("scene.person.note"));
  const el = section(t("video.who"), [manage], picker.el, note);
  const showNote = () => (note.hidden = script.scenes.length < 2);
  studio.watch(showNote);
  showNote();
  return el;
}

/** What keeps the video from being made: words, and the scene that they are about. @param {Script} script */
function whatIsMissing(script) {
  const scene = script.scenes.find(isEmpty);
  const chars = characterLimit();
  if (scene) {
    const words = t(isRecording(scene) ? "video.audio.missing" : "video.text.missing");
    const n = script.scenes.indexOf(scene) + 1;
    return { scene, words: script.scenes.length > 1 ? t("scene.missing", { n, words }) : words };
  }
  if (countCharacters(script) > chars) return { scene: null, words: t("scene.too_long", { n: formatNumber(chars) }) };
  const unfinished = [script.background, ...script.scenes.map((s) => s.background)].find((b) => b && b.asset_id === "");
  return unfinished ? { scene: null, words: t("background.missing") } : null;
}
