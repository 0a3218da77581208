// @ts-check
// The recording of a scene: dropped, chosen, recorded, heard.
import { ACCEPT, dropZone } from "../components/file_input.js";
import { uploadFile } from "../components/file_upload.js";
import { micButton } from "../components/mic_button.js";
import { soundButton } from "../components/sound_button.js";
import { button, fill, h } from "../core/dom.js";
import { formatClock, formatNumber } from "../core/format.js";
import { latestSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { fetchAsset } from "./asset_field.js";

/** @typedef {import("../core/types.js").Asset} Asset */

const DEFAULT_AUDIO_S = 600;

/**
 * @param {string} id of the recording, "" for none @param {AbortSignal} signal
 * @param {{onchange: (asset: Asset | null) => void, onknown: (asset: Asset) => void}} options `onknown`: its length is
 * known
 */
export function recordingPanel(id, signal, { onchange, onknown }) {
  const el = h("div", { class: "stack" });
  const ask = () =>
    fill(
      el,
      audioDropZone(signal, (file) => void send(file)),
    );
  /** @param {Asset} asset */
  function show(asset) {
    const clear = () => {
      ask();
      onchange(null);
    };
    fill(el, recordingCard(asset, clear));
    onknown(asset);
  }
  /** @param {File} file */
  async function send(file) {
    const asset = await uploadFile(el, file, { signal, back: ask });
    if (!asset) return;
    onchange(asset);
    show(asset);
  }
  ask();
  if (id) fetchAsset(id).then(show, () => {}); // deleted: the drop zone remains
  return el;
}

/** @param {Asset} asset @param {() => void} clear */
function recordingCard({ url, name, duration_s }, clear) {
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
