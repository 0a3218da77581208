// @ts-check
// A button that shows the chosen voice and opens the voice picker.

import { fill, h } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { fetchVoices } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { defaultVoiceName, voiceInitial } from "./voice_labels.js";
import { openVoicePicker } from "./voice_picker.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").Voice} Voice */

/**
 * @param {object} options
 * @param {string} options.kind class of the button
 * @param {string} [options.preference] key under which the choice is kept
 * @param {string} [options.chosen] id, where no preference keeps it
 * @param {(name: string) => string} options.text the text for the name of a voice
 * @param {(name: string) => string} [options.label] the accessible name, when it differs from the text
 * @param {(id: string) => void} [options.onchange] called when the user has chosen another one
 * @param {string} [options.automatic] what the automatic voice is, in words
 * @param {(all: Voice[]) => Voice[]} [options.arrange] the order in which voices are offered
 * @returns {{el: HTMLElement, voiceId: () => string, setAvatar: (avatar: Avatar) => void}} `voiceId` is "" for the
 * automatic voice, which may depend on the avatar
 */
export function voiceChip({ kind, preference, chosen = "", text, label, onchange, automatic, arrange }) {
  let id = preference ? loadPreference(preference, "") : chosen;
  /** @type {Avatar | undefined} */
  let avatar;
  const el = h("button", {
    type: "button",
    class: kind,
    "aria-haspopup": "dialog",
    on: { click: () => openVoicePicker(id, pick, { automatic, arrange }) },
  });
  const show = (/** @type {Voice | null} */ voice, /** @type {string} */ name) => {
    fill(el, voiceInitial(voice), h("span", { class: "clip" }, text(name)));
    if (label) el.setAttribute("aria-label", label(name));
  };
  const draw = (/** @type {Voice | null} */ voice) => {
    show(voice, voice?.name ?? t("voice.auto"));
    const mine = avatar;
    if (voice || !mine?.voice_id) return;
    defaultVoiceName(mine).then(
      (name) => mine === avatar && !id && show(null, name),
      () => {}, // without its name the voice still works
    );
  };
  const choose = (/** @type {Voice | null} */ voice) => {
    id = voice?.voice_id ?? "";
    if (preference) savePreference(preference, id);
    draw(voice);
  };
  const pick = (/** @type {Voice | null} */ voice) => {
    choose(voice);
    onchange?.(id);
  };
  draw(null);
  if (id) {
    fetchVoices().then(
      (all) => {
        const found = all.find((v) => v.voice_id === id) ?? null;
        choose(found);
        if (!found && !preference) onchange?.(""); // deleted since
      },
      () => {}, // the picker shows the problem
    );
  }
  return {
    el,
    voiceId: () => id,
    setAvatar(next) {
      avatar = next;
      if (!id) draw(null);
    },
  };
}
