// @ts-check
// What is said: text with a voice, or a recording.
import { button, fill, h } from "../core/dom.js";
import { system, voices, watchSystem } from "../core/facts.js";
import { clock, number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { recall, remember } from "../core/prefs.js";
import { get } from "../core/api.js";
import { tabs } from "./bits.js";
import { ACCEPT, dropZone, send } from "./files.js";
import { micButton } from "./mic.js";
import { chooseVoice, soundButton, usualVoice, voiceFace } from "./people.js";

/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").Voice} Voice */

/**
 * @param {AbortSignal} signal
 * @returns {{el: HTMLElement, speaker: (avatar: Avatar) => void, value: () => {text: string, voice_id?: string} | {audio_asset_id: string} | {missing: string}}} `missing`: what to do first, in words
 */
export function whatPart(signal) {
  let tab = recall("video.what", "text");
  const text = textPanel(signal);
  const audio = audioPanel(signal);
  const el = tabs(
    t("video.what"),
    [
      { key: "text", label: t("video.text"), panel: text.el },
      { key: "audio", label: t("video.audio"), panel: audio.el },
    ],
    tab,
    (key) => {
      tab = key;
      remember("video.what", key);
    },
  );
  return { el, speaker: text.speaker, value: () => (tab === "audio" ? audio.value() : text.value()) };
}

/** @param {AbortSignal} signal */
function textPanel(signal) {
  let voice = recall("video.voice", "");
  const count = h("span", { class: "small-text muted num" });
  const limit = () => system()?.limits.text_chars ?? 5000;
  const words = h("textarea", {
    class: "input",
    rows: 4,
    id: "video-text",
    placeholder: t("video.text.example"),
    value: recall("draft.video", ""),
    on: { input: () => (remember("draft.video", words.value), tally()) },
  });
  const tally = () => {
    count.textContent = t("video.count", { n: number([...words.value].length), limit: number(limit()) });
    count.classList.toggle("over", [...words.value].length > limit());
  };
  watchSystem(signal, tally);
  tally();
  const chip = h("button", {
    type: "button",
    class: "button",
    "aria-haspopup": "dialog",
    on: { click: () => chooseVoice(voice, setVoice) },
  });
  /** @type {Avatar | undefined} */
  let speaker;
  /** @param {Voice | null} one */
  function drawVoice(one) {
    fill(chip, voiceFace(one), h("span", { class: "clip" }, t("voice.with", { name: one?.name ?? t("voice.auto") })));
    const whose = speaker;
    if (!one && whose?.voice_id)
      usualVoice(whose).then(
        (name) =>
          whose === speaker &&
          !voice &&
          fill(chip, voiceFace(null), h("span", { class: "clip" }, t("voice.with", { name }))),
        () => {},
      ); // without its name the voice still speaks
  }
  /** @param {Voice | null} one */
  function setVoice(one) {
    voice = one?.voice_id ?? "";
    remember("video.voice", voice);
    drawVoice(one);
  }
  drawVoice(null);
  if (voice)
    voices().then(
      (all) => setVoice(all.find((v) => v.voice_id === voice) ?? null),
      () => {},
    ); // the picker tells what is wrong
  return {
    /** @param {Avatar} avatar */
    speaker: (avatar) => {
      speaker = avatar;
      if (!voice) drawVoice(null);
    },
    el: h(
      "div",
      { class: "stack" },
      h("div", { class: "field" }, h("label", { for: "video-text" }, t("video.text.label")), words),
      h("div", { class: "row wrap apart" }, chip, count),
    ),
    value: () =>
      words.value.trim()
        ? { text: words.value.trim(), voice_id: voice || undefined }
        : { missing: t("video.text.missing") },
  };
}

/** @param {AbortSignal} signal */
function audioPanel(signal) {
  /** @type {Asset | null} */
  let asset = null;
  const el = h("div", { class: "stack" });

  /** @param {Asset | null} one */
  function keep(one) {
    asset = one;
    remember("video.audio", one?.id);
    if (one) show(one);
    else ask();
  }
  /** @param {Asset} one */
  function show(one) {
    fill(
      el,
      h(
        "div",
        { class: "card row" },
        soundButton(one.url, t("file.play", { name: one.name }), ""),
        h(
          "div",
          { class: "grow" },
          h("p", { class: "clip" }, one.name),
          h("p", { class: "small-text muted num" }, one.duration_s === null ? "" : clock(one.duration_s)),
        ),
        button({ icon: "swap", label: t("file.other"), kind: "small", onclick: () => keep(null) }),
      ),
    );
  }
  function ask() {
    const time = h("span", { class: "num small-text muted" }, t("video.record"));
    const mic = micButton({
      signal,
      took,
      compact: true,
      limit_s: () => system()?.limits.audio_s ?? 600,
      ontime: (now) => (time.textContent = now),
      onstate: () => (time.textContent = t("video.record")),
    });
    fill(
      el,
      dropZone({
        accept: ACCEPT.audio,
        title: t("video.drop"),
        help: t("video.drop.help", { minutes: number((system()?.limits.audio_s ?? 600) / 60, 1) }),
        signal,
        took,
        icon: "voice",
        extra: h("span", { class: "record" }, mic.el, time),
      }),
    );
  }
  /** @param {File} file */
  async function took(file) {
    const answer = await send(el, file, { signal, back: ask });
    if (answer) keep(answer);
  }
  ask();
  const last = recall("video.audio", null);
  if (last) get(`/assets/${last}`, signal).then(keep, () => {}); // gone: the drop zone is there
  return { el, value: () => (asset ? { audio_asset_id: asset.id } : { missing: t("video.audio.missing") }) };
}
