// @ts-check
// The note that another engine replaced the usual one: which, for which, and why.
import { h, icon, setText } from "../core/dom.js";
import { fetchVoices } from "../core/server_state.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Fallback} Fallback */

/** Error reasons and the keys of their texts. @type {Record<string, string>} */
const CAUSES = {
  "llm-unreachable": "unreachable",
  "asr-unreachable": "unreachable",
  "tts-unreachable": "unreachable",
  "engine-slow": "slow",
  "llm-slow": "slow",
  "asr-slow": "slow",
  "tts-slow": "slow",
  "llm-quota": "quota",
  "llm-rate": "quota",
  "asr-quota": "quota",
  "llm-busy": "busy",
  "llm-no-key": "key",
  "llm-wrong-key": "key",
  "llm-no-access": "key",
  "asr-wrong-key": "key",
  "engine-unavailable": "setup",
  "llm-unknown-model": "setup",
  "service-loading": "loading",
  "voice-needed": "voice",
};

/**
 * One sentence per service.
 * @param {Fallback[]} fallbacks
 * @param {(id: string) => string} nameOf the name of a voice
 * @returns {string}
 */
function fallbackText(fallbacks, nameOf) {
  const services = [...new Set(fallbacks.map((f) => f.service))];
  return services
    .map((service) => {
      const mine = fallbacks.filter((f) => f.service === service);
      const why = mine
        .map((f) => t(`fallback.why.${CAUSES[f.reason] ?? "failed"}`, { engine: f.wanted }))
        .join(t("fallback.and"));
      const { used, wanted_voice: wantedVoice, used_voice: usedVoice } = mine[0];
      const voice =
        wantedVoice && usedVoice ? t("fallback.voice", { wanted: nameOf(wantedVoice), used: nameOf(usedVoice) }) : "";
      return t(`fallback.${service}`, { used, why }) + voice;
    })
    .join(t("fallback.then"));
}

/** The note, or `null` when no engine was replaced. @param {Fallback[] | null | undefined} fallbacks */
export function fallbackNote(fallbacks) {
  if (!fallbacks?.length) return null;
  const show = (/** @type {(id: string) => string} */ nameOf) => setText(text, fallbackText(fallbacks, nameOf));
  const text = h("p", null);
  show((id) => id);
  if (fallbacks.some((f) => f.wanted_voice)) {
    const withNames = (/** @type {import("../core/types.js").Voice[]} */ all) =>
      show((id) => all.find((v) => v.voice_id === id)?.name ?? id);
    fetchVoices().then(withNames, () => {}); // without names the ids remain
  }
  return h("div", { class: "note fallback small-text", role: "note" }, icon("info"), text);
}
