// @ts-check
// The input of the chat: microphone, text, and audio files.

import { ACCEPT, acceptFiles, chooseFile } from "../components/file_input.js";
import { micButton } from "../components/mic_button.js";
import { button, h, setText } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { latestSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { sendButton } from "./send_button.js";

/**
 * @typedef {object} ComposerOptions
 * @property {AbortSignal} signal
 * @property {(text: string) => void} ask
 * @property {(file: File) => void} askAudio
 * @property {(on: boolean) => void} onlisten
 */
const MAX_HEIGHT_PX = 140;
const DRAFT = "draft.chat";

/** @param {ComposerOptions} options */
export function composer({ signal, ask, askAudio, onlisten }) {
  let busy = false;
  const text = textBox(fit, submit);
  const send = sendButton(() => text.value.trim(), submit);
  const upload = () => chooseFile(ACCEPT.audio, askAudio);
  const uploadButton = button({ icon: "upload", label: t("chat.upload"), bare: true, onclick: upload });
  const { mic, time } = microphone(signal, askAudio, (on) => {
    text.hidden = on;
    onlisten(on);
  });
  const keys = h("p", { class: "small-text muted keys" }, t("chat.keys"));
  const box = h("div", { class: "compose-box" }, time, text, uploadButton, send.el);
  const el = h("div", { class: "composer" }, mic.el, box, keys);
  acceptFiles(el, signal, askAudio);
  toggleBySpaceBar(mic, signal);
  requestAnimationFrame(fit);

  function fit() {
    text.style.setProperty("height", "auto");
    text.style.setProperty("height", `${Math.min(text.scrollHeight + 2, MAX_HEIGHT_PX)}px`);
    send.draw();
  }
  function submit() {
    const question = text.value.trim();
    if (question && !busy) ask(question);
  }
  /** During a turn the next question can be written but not sent. @param {boolean} on */
  function setBusy(on) {
    busy = on;
    mic.el.disabled = on;
    uploadButton.disabled = on;
    send.setBusy(on);
  }

  return {
    el,
    /** Empties the text box after the question was accepted. */
    clear() {
      text.value = "";
      savePreference(DRAFT, undefined);
      fit();
    },
    setBusy,
    setStop: send.setStop,
    focus: () => text.focus(),
    /** In a live conversation the microphone is on all the time. @param {boolean} on */
    setLive(on) {
      mic.cancel();
      el.classList.toggle("live", on);
      setBusy(false);
      mic.el.disabled = on;
      uploadButton.disabled = on;
      setText(keys, t(on ? "live.keys" : "chat.keys"));
    },
  };
}

/** @param {() => void} onchange @param {() => void} submit @returns {HTMLTextAreaElement} */
function textBox(onchange, submit) {
  const input = () => {
    savePreference(DRAFT, text.value);
    onchange();
  };
  const keydown = (/** @type {KeyboardEvent} */ e) => {
    if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
    e.preventDefault();
    submit();
  };
  const text = h("textarea", {
    class: "input",
    rows: 1,
    "aria-label": t("chat.write"),
    placeholder: t("chat.write"),
    maxlength: latestSystem()?.limits.question_chars ?? 2000,
    enterkeyhint: "send",
    value: loadPreference(DRAFT, ""),
    on: { input, keydown },
  });
  return text;
}

/**
 * The microphone and its clock.
 * @param {AbortSignal} signal
 * @param {(file: File) => void} onrecorded
 * @param {(on: boolean) => void} onstate
 */
function microphone(signal, onrecorded, onstate) {
  const time = h("span", { class: "num rec-time", hidden: true });
  const mic = micButton({
    signal,
    onrecorded,
    limit_s: () => latestSystem()?.limits.audio_s ?? 600,
    onstate: (on) => {
      time.hidden = !on;
      time.textContent = "0:00";
      onstate(on);
    },
    ontime: (now) => (time.textContent = t("mic.now", { time: now })),
  });
  return { mic, time };
}

/** Elements that use the space bar themselves. */
const USES_SPACE = "a, button, input, select, textarea, summary, video, [contenteditable]";

/** @param {import("../components/mic_button.js").MicButton} mic @param {AbortSignal} signal */
function toggleBySpaceBar(mic, signal) {
  const keydown = (/** @type {KeyboardEvent} */ e) => {
    if (e.code !== "Space" || e.repeat || e.ctrlKey || e.metaKey || e.altKey || mic.el.disabled) return;
    if (document.querySelector("dialog[open]") || (e.target instanceof Element && e.target.closest(USES_SPACE))) return;
    e.preventDefault();
    mic.toggle();
  };
  document.addEventListener("keydown", keydown, { signal });
}
