// @ts-check
// The button beside the text box: it sends, or stops a live answer while there is nothing to send.
import { button, fill, icon } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @param {() => string} text what would be sent @param {() => void} submit */
export function sendButton(text, submit) {
  /** @type {(() => void) | null} */
  let stop = null;
  let busy = false;
  const press = () => (stop && !text() ? stop() : submit());
  const el = button({ icon: "send", label: t("chat.send"), bare: true, kind: "send", onclick: press });

  function draw() {
    const stops = stop !== null && !text();
    const label = t(stops ? "live.stop" : "chat.send");
    el.disabled = !stops && (busy || !text());
    if (el.title === label) return;
    el.title = label;
    el.setAttribute("aria-label", label);
    fill(el, icon(stops ? "stop" : "send"));
  }

  return {
    el,
    draw,
    /** @param {boolean} on */
    setBusy(on) {
      busy = on;
      draw();
    },
    /** @param {(() => void) | null} action what it does while there is nothing to send */
    setStop(action) {
      stop = action;
      draw();
    },
  };
}
