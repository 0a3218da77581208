// @ts-check
// What the video says: a text with a voice, or a recording.

import { ACCEPT, dropZone } from "../components/file_input.js";
import { uploadFile } from "../components/file_upload.js";
import { micButton } from "../components/mic_button.js";
import { soundButton } from "../components/sound_button.js";
import { tabs } from "../components/tabs.js";
import { get } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { formatClock, formatNumber } from "../core/format.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { latestSystem, watchSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { previewPanel } from "../speech/preview_panel.js";
import { voiceChip } from "../voices/voice_chip.js";

/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {{text: string, voice_id?: string} | {audio_asset_id: string}} Speech fields of `POST /videos` */
/** @typedef {{missing: string}} Missing what the user has to do first */

const DEFAULT_TEXT_CHARS = 5000;
const DEFAULT_AUDIO_S = 600;

/**
 * @param {AbortSignal} signal
 * @param {() => void} onchange called when something else is to be said
 * @returns {{el: HTMLElement, setAvatar: (avatar: Avatar) => void, value: () => Speech | Missing}}
 */
export function speechInput(signal, onchange) {
  let tab = loadPreference("video.what", "text");
  const text = textPanel(signal, onchange);
  const audio = audioPanel(signal, onchange);
  const panels = [
    { key: "text", label: t("video.text"), panel: text.el },
    { key: "audio", label: t("video.audio"), panel: audio.el },
  ];
  const el = tabs(t("video.what"), panels, tab, (key) => {
    tab = key;
    savePreference("video.what", key);
    onchange();
  });
  return { el, setAvatar: text.setAvatar, value: () => (tab === "audio" ? audio.value() : text.value()) };
}

/** @param {AbortSignal} signal @param {() => void} onchange */
function textPanel(signal, onchange) {
  const count = h("span", { class: "small-text muted num" });
  const showCount = () => {
    const limit = latestSystem()?.limits.text_chars ?? DEFAULT_TEXT_CHARS;
    const n = [...text.value].length;
    count.textContent = t("video.count", { n: formatNumber(n), limit: formatNumber(limit) });
    count.classList.toggle("over", n > limit);
  };
  const input = () => {
    savePreference("draft.video", text.value);
    showCount();
    preview.changed();
    onchange();
  };
  const text = h("textarea", {
    class: "input",
    rows: 4,
    id: "video-text",
    placeholder: t("video.text.example"),
    value: loadPreference("draft.video", ""),
    on: { input },
  });
  watchSystem(signal, showCount);
  showCount();
  const voice = voiceChip({
    kind: "button",
    preference: "video.voice",
    text: (name) => t("voice.with", { name }),
  });
  const preview = previewPanel(signal, () => ({ text: text.value.trim(), voice_id: voice.voiceId() || undefined }));
  const label = h("label", { for: "video-text" }, t("video.text.label"));
  return {
    el: h(
      "div",
      { class: "stack" },
      h("div", { class: "field" }, label, text),
      h("div", { class: "row wrap apart" }, voice.el, count),
      preview.el,
    ),
    setAvatar: voice.setAvatar,
    value: () =>
      text.value.trim()
        ? { text: text.value.trim(), voice_id: voice.voiceId() || undefined }
        : { missing: t("video.text.missing") },
  };
}

/** @param {AbortSignal} signal @param {() => void} onchange */
function audioPanel(signal, onchange) {
  /** @type {Asset | null} */
  let asset = null;
  const el = h("div", { class: "stack" });

  /** @param {Asset | null} next */
  function set(next) {
    asset = next;
    savePreference("video.audio", next?.id);
    if (next)
      fill(
        el,
        assetCard(next, () => replace(null)),
      );
    else ask();
  }
  /** @param {Asset | null} next */
  function replace(next) {
    set(next);
    onchange();
  }
  const ask = () =>
    fill(
      el,
      audioDropZone(signal, (file) => void send(file)),
    );
  /** @param {File} file */
  async function send(file) {
    onchange();
    const answer = await uploadFile(el, file, { signal, back: ask });
    if (answer) replace(answer);
  }
  ask();
  const last = loadPreference("video.audio", null);
  if (last) get(`/assets/${last}`, signal).then(set, () => {}); // deleted: the drop zone remains
  return { el, value: () => (asset ? { audio_asset_id: asset.id } : { missing: t("video.audio.missing") }) };
}

/** @param {Asset} asset @param {() => void} clear */
function assetCard({ url, name, duration_s }, clear) {
  const length = h("p", { class: "small-text muted num" }, duration_s === null ? "" : formatClock(duration_s));
  return h(
    "div",
    { class: "card row" },
    soundButton(url, t("file.play", { name }), ""),
    h("div", { class: "grow" }, h("p", { class: "clip" }, name), length),
    button({ icon: "swap", label: t("file.other"), kind: "small", onclick: clear }),
  );
}

/** @param {AbortSignal} signal @param {(file: File) => void} onfile */
function audioDropZone(signal, onfile) {
  const limit_s = () => latestSystem()?.limits.audio_s ?? DEFAULT_AUDIO_S;
  const time = h("span", { class: "num small-text muted" }, t("video.record"));
  const mic = micButton({
    signal,
    onrecorded: onfile,
    compact: true,
    limit_s,
    ontime: (now) => (time.textContent = now),
    onstate: () => (time.textContent = t("video.record")),
  });
  return dropZone({
    accept: ACCEPT.audio,
    title: t("video.drop"),
    help: t("video.drop.help", { minutes: formatNumber(limit_s() / 60, 1) }),
    signal,
    onfile,
    icon: "voice",
    extra: h("span", { class: "record" }, mic.el, time),
  });
}
