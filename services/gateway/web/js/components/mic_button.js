// @ts-check
// The round microphone button: one press starts a recording, the next one ends it.

import { fill, h, icon } from "../core/dom.js";
import { formatClock } from "../core/format.js";
import { MicError, record } from "../core/recorder.js";
import { t } from "../i18n/translate.js";
import { announce } from "./announcements.js";
import { openDialog } from "./dialog.js";

/** @typedef {import("../core/recorder.js").Recording} Recording */
/** @typedef {{el: HTMLButtonElement, toggle: () => void, cancel: () => void}} MicButton */
/**
 * @typedef {object} MicOptions
 * @property {(file: File) => void} onrecorded
 * @property {AbortSignal} signal
 * @property {(on: boolean) => void} [onstate]
 * @property {(text: string) => void} [ontime]
 * @property {(level: number, seconds: number) => void} [onlevel]
 * @property {() => number} [limit_s] the recording ends by itself after that time
 * @property {boolean} [compact]
 * @property {boolean} [voice] records the sound of a voice: 48 kHz, unprocessed, of any length
 */
const MIN_S = 0.3;
const VOICE_RATE_HZ = 48_000;

/** @param {MicOptions} options @returns {MicButton} */
export function micButton(options) {
  const { onrecorded, signal, onstate, limit_s = () => 600, compact = false, voice = false } = options;
  const el = h("button", { type: "button", class: `mic ${compact ? "compact" : ""}`, on: { click: () => toggle() } });
  /** @type {Recording | null} */
  let recording = null;
  let opening = false;
  let seconds = 0;

  const show = (notify = true) => {
    showMicState(el, recording !== null, voice);
    if (notify) onstate?.(recording !== null);
  };
  const measure = (/** @type {number} */ level, /** @type {number} */ s) => {
    seconds = s;
    el.style.setProperty("--level", level.toFixed(2));
    options.ontime?.(formatClock(s));
    options.onlevel?.(level, s);
    if (s >= limit_s()) void finish();
  };

  async function toggle() {
    if (opening) return;
    if (recording) return finish();
    opening = true;
    seconds = 0;
    try {
      recording = await record(measure, voice ? { rate: VOICE_RATE_HZ, processed: false } : {});
      if (signal.aborted) return cancel();
      announce(t("mic.listening"));
    } catch (error) {
      if (!(error instanceof MicError)) throw error;
      explainMissingMicrophone(error.reason);
    } finally {
      opening = false;
      show();
    }
  }

  async function finish() {
    const done = recording;
    recording = null;
    show();
    if (!done) return;
    const file = await done.stop();
    if (seconds < MIN_S && !voice) announce(t("mic.short"));
    else onrecorded(file);
  }

  function cancel() {
    recording?.cancel();
    recording = null;
    show();
  }

  signal.addEventListener("abort", cancel);
  show(false);
  return { el, toggle, cancel };
}

/** @param {HTMLButtonElement} el @param {boolean} on whether it records @param {boolean} voice */
function showMicState(el, on, voice) {
  el.classList.toggle("on", on);
  const label = voice ? t(on ? "take.stop" : "take.start") : t(on ? "mic.stop" : "mic.start");
  el.setAttribute("aria-label", label);
  el.title = label;
  el.setAttribute("aria-pressed", String(on));
  fill(el, icon(on ? "stop" : "mic"));
  el.style.setProperty("--level", "0");
}

/** Explains why there is no microphone and what works instead. @param {string} reason */
function explainMissingMicrophone(reason) {
  openDialog({
    title: t(`mic.${reason}.title`),
    wide: 440,
    body: [
      h(
        "div",
        { class: "stack" },
        h("p", null, t(`mic.${reason}.text`, { origin: location.origin })),
        h("p", { class: "muted" }, t("mic.instead")),
      ),
    ],
  });
}
