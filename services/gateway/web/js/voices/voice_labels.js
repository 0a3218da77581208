// @ts-check
// Voices in words and pictures.
import { h, icon } from "../core/dom.js";
import { fetchVoices } from "../core/server_state.js";
import { t, term } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Voice} Voice */
/** @typedef {import("../core/types.js").Avatar} Avatar */

/** @param {string} language BCP 47 */
export const languageName = (language) => term("language", language.split("-")[0].toLowerCase());

/** The first character of a voice's name as its picture. @param {Voice | null} voice */
export const voiceInitial = (voice) =>
  h(
    "span",
    { class: `voice-face ${voice?.gender ?? ""}`, "aria-hidden": "true" },
    voice ? [...voice.name][0].toUpperCase() : icon("voice"),
  );

/** Language, gender and origin of a voice. @param {Voice} voice */
export const voiceSummary = (voice) =>
  [
    languageName(voice.language),
    voice.gender ? t(`gender.${voice.gender}`) : "",
    voice.is_cloned ? t("voice.cloned") : "",
  ]
    .filter(Boolean)
    .join(" · ");

/**
 * The name of the voice that is used without a choice: the avatar's own, or the automatic one.
 * @param {Avatar | undefined} avatar
 */
export async function defaultVoiceName(avatar) {
  const id = avatar?.voice_id;
  const found = id ? (await fetchVoices().catch(() => [])).find((v) => v.voice_id === id) : null;
  return found ? t("voice.avatars", { name: found.name }) : t("voice.auto");
}
