// @ts-check
// The round button that listens: press to talk, press again to stop.
import { fill, h, icon } from "../core/dom.js";
import { clock } from "../core/format.js";
import { t } from "../core/i18n.js";
import { MicError, record } from "../core/recorder.js";
import { openDialog } from "./dialog.js";
import { announce } from "./say.js";

/** @typedef {import("../core/recorder.js").Recording} Recording */
/** @typedef {{el: HTMLButtonElement, toggle: () => void, cancel: () => void, recording: () => boolean}} Mic */

const SHORTEST_S = 0.3;

/**
 * @param {{took: (file: File) => void, signal: AbortSignal, onstate?: (on: boolean) => void, ontime?: (text: string) => void, onlevel?: (level: number, seconds: number) => void, limit_s?: () => number, compact?: boolean, voice?: boolean}} o
 * `limit_s`: the recording ends by itself there; `voice`: the sound itself is wanted, not only its words
 * @returns {Mic}
 */
export function micButton({
  took,
  signal,
  onstate,
  ontime,
  onlevel,
  limit_s = () => 600,
  compact = false,
  voice = false,
}) {
  const el = h("button", { type: "button", class: `mic ${compact ? "compact" : ""}`, on: { click: () => toggle() } });
  /** @type {Recording | null} */
  let recording = null;
  let asking = false;
  let seconds = 0;

  const draw = (told = true) => {
    const on = recording !== null;
    el.classList.toggle("on", on);
    const label = voice ? t(on ? "take.stop" : "take.start") : t(on ? "mic.stop" : "mic.start");
    el.setAttribute("aria-label", label);
    el.title = label;
    el.setAttribute("aria-pressed", String(on));
    fill(el, icon(on ? "stop" : "mic"));
    el.style.setProperty("--level", "0");
    if (told) onstate?.(on);
  };

  async function toggle() {
    if (asking) return;
    if (recording) return finish();
    asking = true;
    seconds = 0;
    try {
      recording = await record(
        (level, s) => {
          seconds = s;
          el.style.setProperty("--level", level.toFixed(2));
          ontime?.(clock(s));
          onlevel?.(level, s);
          if (s >= limit_s()) void finish();
        },
        voice ? { rate: 48_000, processed: false } : {},
      );
      if (signal.aborted) return cancel();
      announce(t("mic.listening"));
    } catch (error) {
      if (!(error instanceof MicError)) throw error;
      explain(error.reason);
    } finally {
      asking = false;
      draw();
    }
  }

  async function finish() {
    const done = recording;
    recording = null;
    draw();
    if (!done) return;
    const file = await done.stop();
    if (seconds < SHORTEST_S && !voice) announce(t("mic.short"));
    else took(file);
  }

  function cancel() {
    recording?.cancel();
    recording = null;
    draw();
  }

  signal.addEventListener("abort", cancel);
  draw(false);
  return { el, toggle, cancel, recording: () => recording !== null };
}

/** Says why there is no microphone and what works instead. @param {string} reason */
function explain(reason) {
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
