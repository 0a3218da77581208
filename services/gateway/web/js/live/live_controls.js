// @ts-check
// The buttons of a live conversation on the stage, and its settings.
import { openDialog } from "../components/dialog.js";
import { field } from "../components/form.js";
import { button, fill, h, icon } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { t } from "../i18n/translate.js";
import { microphones } from "./live_microphone.js";

/** @typedef {import("./live_session.js").LiveSession} LiveSession */

/** What the user chose, kept in the browser. */
export const choices = {
  device: () => loadPreference("live.device", ""),
  volume: () => loadPreference("live.volume", 1),
  captions: () => loadPreference("live.captions", true),
  push: () => loadPreference("live.push", false),
};

/**
 * @param {LiveSession} session
 * @param {{leave: () => void, stop: () => void, oncaptions: () => void}} actions
 */
export function liveControls(session, actions) {
  let muted = false;
  const mute = toggle("mic", "live.mute", () => {
    muted = !muted;
    session.mute(muted);
    setPressed(mute, muted, muted ? "live.unmute" : "live.mute");
  });
  mute.classList.add("live-mic");
  const captions = toggle("text", "live.captions", () => {
    savePreference("live.captions", !choices.captions());
    setPressed(captions, choices.captions(), "live.captions");
    actions.oncaptions();
  });
  setPressed(captions, choices.captions(), "live.captions");
  const stop = toggle("stop", "live.stop", actions.stop);
  const settings = toggle("more", "live.settings", () => void openSettings(session, el));
  const leave = button({ icon: "close", label: t("live.leave"), kind: "primary small", onclick: actions.leave });
  const all = [holdToTalk(session), mute, stop, captions, settings, leave];
  const group = { class: `live-controls ${choices.push() ? "push" : ""}`, role: "group", "aria-label": t("live") };
  const el = h("div", group, all);
  return {
    el,
    mute,
    /** @param {boolean} on */
    setAnswering: (on) => void (stop.disabled = !on),
    /** @param {boolean} on */
    setMicrophone: (on) => void (mute.disabled = !on),
  };
}

/** Held while talking; the style sheet shows it in push-to-talk only. @param {LiveSession} session */
function holdToTalk(session) {
  const el = button({ label: t("live.talk"), kind: "small live-hold" });
  const set = (/** @type {boolean} */ on) => () => {
    if (el.classList.contains("on") === on) return;
    el.classList.toggle("on", on);
    session.talk(on);
  };
  const isPress = (/** @type {KeyboardEvent} */ e) => e.code === "Space" || e.code === "Enter";
  el.addEventListener("pointerdown", set(true));
  for (const name of ["pointerup", "pointercancel", "pointerleave", "blur"]) el.addEventListener(name, set(false));
  el.addEventListener("keydown", (e) => isPress(e) && set(true)());
  el.addEventListener("keyup", (e) => isPress(e) && set(false)());
  return el;
}

/** @param {string} picture @param {string} key of its label @param {() => void} onclick */
const toggle = (picture, key, onclick) => button({ icon: picture, label: t(key), bare: true, kind: "live", onclick });

/** @param {HTMLButtonElement} el @param {boolean} on @param {string} key */
function setPressed(el, on, key) {
  el.setAttribute("aria-pressed", String(on));
  el.setAttribute("aria-label", t(key));
  el.title = t(key);
}

/** @param {LiveSession} session @param {HTMLElement} el the controls */
async function openSettings(session, el) {
  const device = h("select", {
    class: "input",
    on: {
      change: () => {
        savePreference("live.device", device.value);
        void session.openMicrophone(device.value);
      },
    },
  });
  const volume = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.05,
    value: choices.volume(),
    on: {
      input: () => {
        savePreference("live.volume", Number(volume.value));
        session.player.setVolume(Number(volume.value));
      },
    },
  });
  const push = h("input", {
    type: "checkbox",
    checked: session.isPush,
    on: {
      change: () => {
        savePreference("live.push", push.checked);
        session.setPush(push.checked);
        el.classList.toggle("push", push.checked);
      },
    },
  });
  const pushLabel = h("label", { class: "row" }, push, h("span", null, t("live.push")));
  const help = h("p", { class: "small-text muted" }, t("live.push.help"));
  openDialog({
    title: t("live.settings"),
    wide: 420,
    body: [
      h("div", { class: "stack" }, field(t("live.volume"), volume), field(t("live.device"), device), pushLabel, help),
    ],
  });
  await listDevices(device, session.microphone.device);
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

/** A message over the stage: why something does not work, and what to do. @param {string} title @param {string} text
 * @param {{label: string, onclick: () => void} | null} action @param {() => void} onclose */
export const liveNotice = (title, text, action, onclose) =>
  h(
    "div",
    { class: "live-notice", role: "alert" },
    icon("alert"),
    h(
      "div",
      { class: "stack tight" },
      h("p", { class: "what" }, title),
      h("p", null, text),
      h(
        "div",
        { class: "row wrap" },
        action ? button({ ...action, kind: "small" }) : null,
        button({ label: t("close"), kind: "small", onclick: onclose }),
      ),
    ),
  );
