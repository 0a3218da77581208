// @ts-check
// The buttons of a live conversation on the stage.
import { button, h, icon } from "../core/dom.js";
import { savePreference } from "../core/preferences.js";
import { t } from "../i18n/translate.js";
import { choices } from "./live_settings.js";

/** @typedef {import("./live_session.js").LiveSession} LiveSession */

/**
 * @param {LiveSession} session
 * @param {{leave: () => void, stop: () => void, oncaptions: () => void, immerse: () => void}} actions
 * @param {() => void} configure opens the settings
 */
export function liveControls(session, actions, configure) {
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
  const immersive = toggle("expand", "live.immersive", actions.immerse);
  const settings = toggle("more", "live.settings", configure);
  const leave = button({ icon: "close", label: t("live.leave"), kind: "primary small", onclick: actions.leave });
  const all = [holdToTalk(session), mute, stop, captions, immersive, settings, leave];
  const group = { class: `live-controls ${choices.push() ? "push" : ""}`, role: "group", "aria-label": t("live") };
  const el = h("div", group, all);
  return {
    el,
    mute,
    /** @param {boolean} on */
    setAnswering: (on) => void (stop.disabled = !on),
    /** @param {boolean} on */
    setImmersive: (on) => setPressed(immersive, on, on ? "live.immersive.leave" : "live.immersive"),
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
