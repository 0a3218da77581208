// @ts-check
// Where one speaks or writes: the round button, the text, a sound file.
import { button, h } from "../core/dom.js";
import { system } from "../core/facts.js";
import { t } from "../core/i18n.js";
import { recall, remember } from "../core/prefs.js";
import { ACCEPT, chooseFile, takesFiles } from "./files.js";
import { micButton } from "./mic.js";

/**
 * @param {{signal: AbortSignal, ask: (text: string) => void, hear: (file: File) => void, onlisten: (on: boolean) => void}} o
 */
export function composer({ signal, ask, hear, onlisten }) {
  const time = h("span", { class: "num rec-time", hidden: true });
  const text = h("textarea", {
    class: "input",
    rows: 1,
    "aria-label": t("chat.write"),
    placeholder: t("chat.write"),
    maxlength: system()?.limits.question_chars ?? 2000,
    enterkeyhint: "send",
    value: recall("draft.chat", ""),
    on: {
      input: () => (remember("draft.chat", text.value), fit()),
      keydown: (/** @type {KeyboardEvent} */ e) =>
        e.key === "Enter" && !e.shiftKey && !e.isComposing && (e.preventDefault(), submit()),
    },
  });
  const sendButton = button({ icon: "send", label: t("chat.send"), bare: true, kind: "send", onclick: submit });
  const uploadButton = button({
    icon: "upload",
    label: t("chat.upload"),
    bare: true,
    onclick: () => chooseFile(ACCEPT.audio, hear),
  });
  const mic = micButton({
    signal,
    took: hear,
    limit_s: () => system()?.limits.audio_s ?? 600,
    onstate: (on) => {
      time.hidden = !on;
      time.textContent = "0:00";
      text.hidden = on;
      onlisten(on);
    },
    ontime: (now) => (time.textContent = t("mic.now", { time: now })),
  });
  const el = h(
    "div",
    { class: "composer" },
    mic.el,
    h("div", { class: "compose-box" }, time, text, uploadButton, sendButton),
    h("p", { class: "small-text muted keys" }, t("chat.keys")),
  );
  takesFiles(el, signal, hear);

  function fit() {
    text.style.setProperty("height", "auto");
    text.style.setProperty("height", `${Math.min(text.scrollHeight + 2, 140)}px`);
    sendButton.disabled = busy || !text.value.trim();
  }
  let busy = false;
  function submit() {
    const words = text.value.trim();
    if (!words || busy) return;
    ask(words);
  }

  document.addEventListener(
    "keydown",
    (e) => {
      if (e.code !== "Space" || e.repeat || e.ctrlKey || e.metaKey || e.altKey || mic.el.disabled) return;
      if (
        document.querySelector("dialog[open]") ||
        (e.target instanceof Element &&
          e.target.closest("a, button, input, select, textarea, summary, video, [contenteditable]"))
      )
        return;
      e.preventDefault();
      mic.toggle();
    },
    { signal },
  );
  requestAnimationFrame(fit);

  return {
    el,
    /** The question was taken: the box is free again. */
    clear() {
      text.value = "";
      remember("draft.chat", undefined);
      fit();
    },
    /** One turn at a time: while it runs, the next can be written but not sent. @param {boolean} on */
    setBusy(on) {
      busy = on;
      mic.el.disabled = on;
      uploadButton.disabled = on;
      fit();
    },
    focus: () => text.focus(),
  };
}
