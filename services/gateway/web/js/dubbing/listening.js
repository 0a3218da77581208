// @ts-check
// Hearing one translated sentence before the film is made. What was spoken once is not spoken again.
import { isAbort } from "../components/problem_card.js";
import { playSound } from "../components/sound_button.js";
import { call } from "../core/api.js";
import { button, fill, icon } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("./types.js").Script} Script */
/** @typedef {{audio_url: string, duration_s: number}} Spoken */

const SPEAK_TIMEOUT_MS = 300_000;

/**
 * What speaks sentences in the voice of a script.
 * @param {Script} script @returns {(text: string, signal: AbortSignal) => Promise<Spoken>}
 */
export function speaker({ voice_id, language, synthesis }) {
  /** @type {Map<string, Spoken>} */
  const spoken = new Map();
  const given = synthesis && Object.keys(synthesis).length ? synthesis : undefined;
  return async (text, signal) => {
    const known = spoken.get(text);
    if (known) return known;
    const body = { text, voice_id: voice_id ?? undefined, language, synthesis: given, pause_s: 0 };
    const now = await call("POST", "/videos/preview", { body, signal, timeout_ms: SPEAK_TIMEOUT_MS });
    spoken.set(text, now);
    return now;
  };
}

/**
 * The button that speaks a sentence, and stops it.
 * @param {string} label @param {AbortSignal} signal
 * @param {{speak: (stop: AbortSignal) => Promise<Spoken | null>, onproblem: (error: unknown) => void}} options `speak`:
 * `null` when there is nothing to say
 */
export function listenButton(label, signal, { speak, onproblem }) {
  const el = button({ icon: "speak", label, bare: true, kind: "small", onclick: () => void toggle() });
  /** @type {AbortController | null} */
  let asking = null;
  /** @type {HTMLAudioElement | null} */
  let sound = null;
  signal.addEventListener("abort", () => (asking?.abort(), sound?.pause()));
  const show = (/** @type {string} */ name) => {
    fill(el, icon(name));
    el.classList.toggle("waiting", asking !== null);
    el.setAttribute("aria-pressed", String(name !== "speak"));
  };
  async function toggle() {
    if (asking) return asking.abort();
    if (sound && !sound.paused) return sound.pause();
    const stop = new AbortController();
    asking = stop;
    el.setAttribute("aria-label", t("sentence.listen.stop"));
    show("stop");
    try {
      const spoken = await speak(stop.signal);
      if (spoken && !stop.signal.aborted) play(spoken.audio_url);
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) onproblem(error);
    }
    asking = null;
    el.setAttribute("aria-label", label);
    show(sound && !sound.paused ? "pause" : "speak");
  }
  /** @param {string} url */
  function play(url) {
    const now = playSound(url);
    sound = now;
    now.onpause = now.onended = () => sound === now && show("speak");
    now.play().catch(() => show("speak"));
  }
  return { el, toggle: () => void toggle() };
}
