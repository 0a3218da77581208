// @ts-check
// A recording for a voice: taken here with level and time, or chosen as a file; looked at before it is sent.
import { button, fill, h, say } from "../core/dom.js";
import { number } from "../core/format.js";
import { language, t } from "../core/i18n.js";
import { bar } from "./bits.js";
import { ACCEPT, chooseFile } from "./files.js";
import { micButton } from "./mic.js";
import { soundButton } from "./people.js";
import { announce, note } from "./say.js";

/** Seconds of speech that a voice is made of. */
export const LEAST_S = 3;
export const MOST_S = 10;
const QUIET = 0.3;
const LOUD = 0.97;

/**
 * @param {AbortSignal} signal @param {(file: File | null) => void} changed called with each recording that can be sent, and with null when there is none
 * @returns {{el: HTMLElement, took: (file: File) => void, clear: () => void}}
 */
export function takePart(signal, changed) {
  const ready = () => t("take.ready", { least: LEAST_S, most: MOST_S });
  const time = h("p", { class: "num small-text muted", role: "status" }, ready());
  const length = bar(t("take.time"));
  const level = h("i", null);
  const meter = h(
    "div",
    {
      class: "level",
      role: "meter",
      "aria-label": t("take.level"),
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": 0,
    },
    level,
  );
  const hint = h("p", { class: "small-text", role: "status" });
  const live = h(
    "div",
    { class: "stack tight live", hidden: true },
    h("div", { class: "take-bar" }, length.el),
    meter,
    hint,
  );
  const chosen = h("div", { class: "row chosen", hidden: true });
  const words = h(
    "p",
    { class: "small-text muted" },
    t("take.read"),
    " ",
    h("q", { lang: language() === "zh" ? "zh-CN" : "en" }, language() === "zh" ? t("take.read.zh") : t("take.read.en")),
  );
  let seconds = 0;
  let smooth = 0;

  const mic = micButton({
    signal,
    compact: true,
    voice: true,
    limit_s: () => MOST_S,
    took: (file) => (seconds < LEAST_S ? refuse() : took(file)),
    onstate: (on) => {
      live.hidden = !on;
      if (on) {
        clear();
        seconds = smooth = 0;
        say(hint, "");
      } else say(time, ready());
    },
    onlevel: (now, s) => {
      seconds = s;
      length.set(s / MOST_S);
      const left = Math.ceil(MOST_S - s);
      say(time, s < LEAST_S ? t("take.more", { s: Math.ceil(LEAST_S - s) }) : t("take.left", { s: left }));
      level.style.setProperty("--part", `${Math.round(now * 100)}%`);
      meter.setAttribute("aria-valuenow", String(Math.round(now * 100)));
      smooth = Math.max(now, smooth * 0.93); // pauses between words are no reason to complain
      const state = smooth < QUIET ? "quiet" : smooth > LOUD ? "loud" : "good";
      if (s > 0.8) {
        hint.dataset.state = state;
        say(hint, t(`take.${state}`));
      }
    },
  });

  function refuse() {
    chosen.hidden = false;
    fill(chosen, note(t("take.short", { s: number(seconds, 1), least: LEAST_S }), { kind: "warn", icon: "alert" }));
    announce(t("take.short", { s: number(seconds, 1), least: LEAST_S }));
    changed(null);
  }
  /** @param {File} file */
  function took(file) {
    const url = URL.createObjectURL(file);
    signal.addEventListener("abort", () => URL.revokeObjectURL(url));
    const facts = h("span", { class: "num small-text muted" });
    const probe = new Audio(url);
    probe.onloadedmetadata = () => {
      const s = probe.duration;
      if (!Number.isFinite(s)) return;
      // its silent ends are cut off, so a little more is fine
      const fit = s < LEAST_S ? "brief" : s > MOST_S + 2 ? "odd" : "length";
      facts.classList.toggle("over", fit !== "length");
      say(facts, t(`take.${fit}`, { s: number(s, 1), least: LEAST_S, most: MOST_S }));
    };
    chosen.hidden = false;
    fill(
      chosen,
      soundButton(url, t("file.play", { name: file.name }), ""),
      h("span", { class: "stack tight no-gap grow" }, h("span", { class: "clip small-text" }, file.name), facts),
      button({ icon: "close", label: t("file.other"), bare: true, kind: "small", onclick: clear }),
    );
    changed(file);
  }
  function clear() {
    chosen.hidden = true;
    fill(chosen);
    changed(null);
  }
  const el = h(
    "div",
    { class: "stack take" },
    h(
      "div",
      { class: "row wrap record" },
      mic.el,
      h("div", { class: "grow" }, time),
      button({ icon: "upload", label: t("file.choose"), onclick: () => chooseFile(ACCEPT.audio, took) }),
    ),
    live,
    chosen,
    words,
  );
  return { el, took, clear };
}

/**
 * Shows how far a form has been sent, then that the server is at work.
 * @param {HTMLElement} place @param {(progress: (sent: number, total: number) => void, stop: AbortSignal) => Promise<any>} send @param {AbortSignal} signal
 */
export async function sending(place, send, signal) {
  const stop = new AbortController();
  const gone = () => stop.abort();
  signal.addEventListener("abort", gone);
  const progress = bar(t("voices.making"));
  const told = h("p", { class: "small-text muted grow", role: "status" }, t("voices.making"));
  fill(
    place,
    h(
      "div",
      { class: "stack tight" },
      progress.el,
      h("div", { class: "row" }, told, button({ label: t("cancel"), kind: "small", onclick: gone })),
    ),
  );
  try {
    return await send((sent, total) => progress.set(sent >= total ? null : sent / total), stop.signal);
  } finally {
    signal.removeEventListener("abort", gone);
    fill(place);
  }
}
