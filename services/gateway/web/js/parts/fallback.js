// @ts-check
// A note where another engine did the work than the one whose turn it was: who, instead of whom, and why.
import { h, icon, say } from "../core/dom.js";
import { voices } from "../core/facts.js";
import { t } from "../core/i18n.js";

/** @typedef {import("../core/types.js").Fallback} Fallback */

/** @type {Record<string, string>} */
const WHY = {
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

/** One sentence for each service. @param {Fallback[]} fallbacks @param {(id: string) => string} named the name of a voice @returns {string} */
function words(fallbacks, named) {
  const services = [...new Set(fallbacks.map((f) => f.service))];
  return services
    .map((service) => {
      const mine = fallbacks.filter((f) => f.service === service);
      const why = mine
        .map((f) => t(`fallback.why.${WHY[f.reason] ?? "failed"}`, { engine: f.wanted }))
        .join(t("fallback.and"));
      const { used, wanted_voice: wanted, used_voice: heard } = mine[0];
      const voice = wanted && heard ? t("fallback.voice", { wanted: named(wanted), used: named(heard) }) : "";
      return t(`fallback.${service}`, { used, why }) + voice;
    })
    .join(t("fallback.then"));
}

/** The note; nothing when every engine did its own work. @param {Fallback[] | null | undefined} fallbacks */
export function fallbackNote(fallbacks) {
  if (!fallbacks?.length) return null;
  const text = h(
    "p",
    null,
    words(fallbacks, (id) => id),
  );
  if (fallbacks.some((f) => f.wanted_voice)) {
    voices().then(
      (all) =>
        say(
          text,
          words(fallbacks, (id) => all.find((v) => v.voice_id === id)?.name ?? id),
        ),
      () => {},
    ); // ids do as well
  }
  return h("div", { class: "note fallback small-text", role: "note" }, icon("info"), text);
}
