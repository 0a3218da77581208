// @ts-check
// Recording a voice, or choosing a file of it, with a check before it is sent.

import { announce } from "../components/announcements.js";
import { ACCEPT, chooseFile } from "../components/file_input.js";
import { note } from "../components/layout.js";
import { micButton } from "../components/mic_button.js";
import { progressBar } from "../components/progress_bar.js";
import { soundButton } from "../components/sound_button.js";
import { button, fill, h, setText } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { language, t } from "../i18n/translate.js";

/** Shortest and longest useful speech in seconds. */
export const MIN_S = 3;
export const MAX_S = 10;

/** Silence at both ends is cut off, so files may be longer by this much. */
const SILENCE_S = 2;
const QUIET_LEVEL = 0.3;
const LOUD_LEVEL = 0.97;

/** Decay of the level between two measurements, so that pauses between words are not reported as quiet. */
const LEVEL_DECAY = 0.93;

/** Seconds before the level is judged. */
const LEVEL_AFTER_S = 0.8;

/**
 * @param {AbortSignal} signal
 * @param {(file: File | null) => void} onchange called with each usable recording, and with `null` when there is none
 * @returns {{el: HTMLElement, setFile: (file: File) => void, clear: () => void}}
 */
export function voiceRecorder(signal, onchange) {
  const ready = () => t("take.ready", { least: MIN_S, most: MAX_S });
  const time = h("p", { class: "num small-text muted", role: "status" }, ready());
  const meter = levelMeter();
  const chosen = h("div", { class: "row chosen", hidden: true });
  let seconds = 0;
  const mic = micButton({
    signal,
    compact: true,
    voice: true,
    limit_s: () => MAX_S,
    onrecorded: (file) => (seconds < MIN_S ? rejectShort() : setFile(file)),
    onstate: (on) => {
      meter.el.hidden = !on;
      if (on) {
        clear();
        seconds = 0;
        meter.reset();
      } else setText(time, ready());
    },
    onlevel: (level, s) => {
      seconds = s;
      setText(
        time,
        s < MIN_S ? t("take.more", { s: Math.ceil(MIN_S - s) }) : t("take.left", { s: Math.ceil(MAX_S - s) }),
      );
      meter.set(level, s);
    },
  });
  function rejectShort() {
    const text = t("take.short", { s: formatNumber(seconds, 1), least: MIN_S });
    chosen.hidden = false;
    fill(chosen, note(text, { kind: "warn", icon: "alert" }));
    announce(text);
    onchange(null);
  }
  /** @param {File} file */
  function setFile(file) {
    chosen.hidden = false;
    fill(chosen, ...chosenFile(file, signal, clear));
    onchange(file);
  }
  function clear() {
    chosen.hidden = true;
    fill(chosen);
    onchange(null);
  }
  const choose = () => chooseFile(ACCEPT.audio, setFile);
  const upload = button({ icon: "upload", label: t("file.choose"), onclick: choose });
  const controls = h("div", { class: "row wrap record" }, mic.el, h("div", { class: "grow" }, time), upload);
  return { el: h("div", { class: "stack take" }, controls, meter.el, chosen, textToRead()), setFile, clear };
}

/** A sentence to read aloud. */
function textToRead() {
  const zh = language() === "zh";
  const quote = h("q", { lang: zh ? "zh-CN" : "en" }, zh ? t("take.read.zh") : t("take.read.en"));
  return h("p", { class: "small-text muted" }, t("take.read"), " ", quote);
}

/** Length and level of a running recording, and whether it is too quiet or too loud. */
function levelMeter() {
  const length = progressBar(t("take.time"));
  const level = h("i", null);
  const values = { "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 };
  const meter = h("div", { class: "level", role: "meter", "aria-label": t("take.level"), ...values }, level);
  const hint = h("p", { class: "small-text", role: "status" });
  const bar = h("div", { class: "take-bar" }, length.el);
  const el = h("div", { class: "stack tight live", hidden: true }, bar, meter, hint);
  let smooth = 0;
  return {
    el,
    reset() {
      smooth = 0;
      setText(hint, "");
    },
    /** @param {number} now level, 0 to 1 @param {number} s seconds so far */
    set(now, s) {
      length.set(s / MAX_S);
      level.style.setProperty("--part", `${Math.round(now * 100)}%`);
      meter.setAttribute("aria-valuenow", String(Math.round(now * 100)));
      smooth = Math.max(now, smooth * LEVEL_DECAY);
      if (s <= LEVEL_AFTER_S) return;
      const state = smooth < QUIET_LEVEL ? "quiet" : smooth > LOUD_LEVEL ? "loud" : "good";
      hint.dataset.state = state;
      setText(hint, t(`take.${state}`));
    },
  };
}

/**
 * The chosen file, with its length as soon as it is known.
 * @param {File} file
 * @param {AbortSignal} signal
 * @param {() => void} clear
 */
function chosenFile(file, signal, clear) {
  const url = URL.createObjectURL(file);
  signal.addEventListener("abort", () => URL.revokeObjectURL(url));
  const facts = h("span", { class: "num small-text muted" });
  const probe = new Audio(url);
  probe.onloadedmetadata = () => {
    const s = probe.duration;
    if (!Number.isFinite(s)) return;
    const verdict = s < MIN_S ? "brief" : s > MAX_S + SILENCE_S ? "odd" : "length";
    facts.classList.toggle("over", verdict !== "length");
    setText(facts, t(`take.${verdict}`, { s: formatNumber(s, 1), least: MIN_S, most: MAX_S }));
  };
  return [
    soundButton(url, t("file.play", { name: file.name }), ""),
    h("span", { class: "stack tight no-gap grow" }, h("span", { class: "clip small-text" }, file.name), facts),
    button({ icon: "close", label: t("file.other"), bare: true, kind: "small", onclick: clear }),
  ];
}

/**
 * Shows the progress of sending a form, then that the server works on it.
 * @param {HTMLElement} place
 * @param {(progress: (sent: number, total: number) => void, stop: AbortSignal) => Promise<any>} send
 * @param {AbortSignal} signal
 */
export async function uploadWithProgress(place, send, signal) {
  const stop = new AbortController();
  const cancel = () => stop.abort();
  signal.addEventListener("abort", cancel);
  const progress = progressBar(t("voices.making"));
  const status = h("p", { class: "small-text muted grow", role: "status" }, t("voices.making"));
  const row = h("div", { class: "row" }, status, button({ label: t("cancel"), kind: "small", onclick: cancel }));
  fill(place, h("div", { class: "stack tight" }, progress.el, row));
  try {
    return await send((sent, total) => progress.set(sent >= total ? null : sent / total), stop.signal);
  } finally {
    signal.removeEventListener("abort", cancel);
    fill(place);
  }
}
