// @ts-check
// The settings of a live conversation, kept in the browser; those of how an avatar converses for each avatar.
import { openDialog } from "../components/dialog.js";
import { field } from "../components/form.js";
import { button, fill, h } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { t } from "../i18n/translate.js";
import { microphones } from "./live_microphone.js";

/** @typedef {import("./live_session.js").LiveSession} LiveSession */
/** @typedef {ReturnType<typeof import("../chat/speaker_pickers.js").speakerPickers>} Speaker */

/** Factors on the pauses that end an utterance. */
const PATIENCE = { quick: 0.7, normal: 1, patient: 1.8 };
const LANGUAGES = { "": "live.language.auto", zh: "live.language.zh", en: "live.language.en" };

/** What the user chose. */
export const choices = {
  device: () => loadPreference("live.device", ""),
  volume: () => loadPreference("live.volume", 1),
  captions: () => loadPreference("live.captions", true),
  push: () => loadPreference("live.push", false),
  /** How a conversation with an avatar begins, as fields of `hello`. @param {string} avatar id */
  hello(avatar) {
    const patience = /** @type {keyof typeof PATIENCE} */ (loadPreference(`live.patience.${avatar}`, "normal"));
    return {
      patience: PATIENCE[patience] ?? 1,
      language: loadPreference(`live.language.${avatar}`, ""),
      greet: loadPreference(`live.greet.${avatar}`, true),
    };
  },
};

/**
 * @param {LiveSession} session @param {HTMLElement} controls @param {string} avatar id of the one that is drawn
 * @param {Speaker} speaker
 */
export async function openSettings(session, controls, avatar, speaker) {
  const device = h("select", { class: "input" });
  device.addEventListener("change", () => {
    savePreference("live.device", device.value);
    void session.openMicrophone(device.value);
  });
  const small = (/** @type {string} */ key) => h("p", { class: "small-text muted" }, t(key));
  const now = [field(t("live.volume"), volumeSlider(session)), field(t("live.device"), device)];
  const change = () => {
    const { patience, language } = choices.hello(avatar);
    session.change({ patience, language });
  };
  const heard = [
    selection("live.patience", avatar, Object.keys(PATIENCE), "normal", (key) => `live.patience.${key}`, change),
    selection("live.language", avatar, Object.keys(LANGUAGES), "", (key) => LANGUAGES[/** @type {""} */ (key)], change),
  ];
  const greet = checkbox(t("live.greet"), loadPreference(`live.greet.${avatar}`, true), (on) =>
    savePreference(`live.greet.${avatar}`, on),
  );
  const push = checkbox(t("live.push"), session.isPush, (on) => {
    savePreference("live.push", on);
    session.setPush(on);
    controls.classList.toggle("push", on);
  });
  openDialog({
    title: t("live.settings"),
    wide: 420,
    body: [
      h("div", { class: "stack" }, ...now, push, small("live.push.help"), h("hr", null)),
      h("div", { class: "stack" }, ...heard, small("live.next"), greet, h("hr", null)),
      h("div", { class: "stack" }, h("div", { class: "row wrap" }, ...speakerButtons(speaker)), small("live.speaker")),
    ],
  });
  await listDevices(device, session.microphone.device);
}

/** They open what the chips on the stage open, which are hidden in a live conversation. @param {Speaker} speaker */
const speakerButtons = ({ voiceChip, avatarChip }) => [
  button({ icon: "voice", label: t("voice.choose"), kind: "small", onclick: () => voiceChip.click() }),
  button({ icon: "avatar", label: t("avatar.choose"), kind: "small", onclick: () => avatarChip.click() }),
];

/** @param {LiveSession} session */
function volumeSlider(session) {
  const volume = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: choices.volume() });
  volume.addEventListener("input", () => {
    savePreference("live.volume", Number(volume.value));
    session.players.setVolume(Number(volume.value));
  });
  return volume;
}

/** @param {string} label @param {boolean} checked @param {(on: boolean) => void} onchange */
function checkbox(label, checked, onchange) {
  const box = h("input", { type: "checkbox", checked, on: { change: () => onchange(box.checked) } });
  return h("label", { class: "row" }, box, h("span", null, label));
}

/**
 * A choice that is kept for each avatar.
 * @param {string} name of the preference and of its label @param {string} avatar @param {string[]} keys
 * @param {string} usual @param {(key: string) => string} label key of the text @param {() => void} onchange
 */
function selection(name, avatar, keys, usual, label, onchange) {
  const chosen = loadPreference(`${name}.${avatar}`, usual);
  const options = keys.map((key) => h("option", { value: key, selected: key === chosen }, t(label(key))));
  const select = h("select", { class: "input" }, ...options);
  select.addEventListener("change", () => {
    savePreference(`${name}.${avatar}`, select.value);
    onchange();
  });
  return field(t(name), select);
}

/** @param {HTMLSelectElement} select @param {string} current */
async function listDevices(select, current) {
  const found = navigator.mediaDevices ? await microphones().catch(() => []) : [];
  const usual = h("option", { value: "" }, t("live.device.usual"));
  const named = found.filter((d) => d.deviceId && d.deviceId !== "default" && d.label);
  fill(
    select,
    usual,
    ...named.map((d) => h("option", { value: d.deviceId, selected: d.deviceId === current }, d.label)),
  );
}
