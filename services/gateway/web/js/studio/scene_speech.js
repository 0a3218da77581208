// @ts-check
// Hearing one scene before the video is made, and its subtitles.
import { soundButton } from "../components/sound_button.js";
import { isAbort, problemCard } from "../components/problem_card.js";
import { call } from "../core/api.js";
import { button, fill, h, icon } from "../core/dom.js";
import { formatClock } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { textWarningNote } from "../speech/text_warnings.js";
import { cueTable } from "./cue_table.js";
import { sceneRequest } from "./request.js";
import { isEmpty, isRecording } from "./script.js";

/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Studio} Studio */
/** @typedef {{audio_url: string, duration_s: number, cues: import("./types.js").Cue[], warnings?: any[]}} Spoken */

const SPEAK_TIMEOUT_MS = 300_000;

/**
 * The button that speaks a scene, and the place for what came of it.
 * @param {Scene} scene @param {Studio} studio
 * @returns {{button: HTMLElement, el: HTMLElement, changed: () => void}} `changed` after the words, the voice or the
 * recording have changed
 */
export function sceneSpeech(scene, studio) {
  const el = h("div", { class: "scene-speech stack" });
  /** @type {AbortController | null} */
  let asking = null;
  studio.signal.addEventListener("abort", () => asking?.abort());
  const speak = button({ icon: "play", label: t("scene.listen"), kind: "small", onclick: () => void listen() });

  async function listen() {
    if (asking) return asking.abort();
    if (isEmpty(scene)) {
      const missing = t(isRecording(scene) ? "video.audio.missing" : "video.text.missing");
      return fill(el, h("p", { class: "missing", role: "alert" }, missing));
    }
    const stop = new AbortController();
    asking = stop;
    fill(speak, icon("stop"), t("scene.listen.stop"));
    fill(el, h("p", { class: "muted small-text", role: "status" }, t("scene.listen.waiting")));
    try {
      const body = { ...sceneRequest(scene, studio.personOf(scene)), cues: undefined };
      const options = { body, signal: stop.signal, timeout_ms: SPEAK_TIMEOUT_MS };
      const spoken = /** @type {Spoken} */ (await call("POST", "/videos/preview", options));
      if (!stop.signal.aborted) show(spoken);
    } catch (error) {
      if (isAbort(error)) fill(el);
      else fill(el, problemCard(error, { retry: () => void listen() }));
    }
    asking = null;
    fill(speak, icon("play"), t("scene.listen"));
  }

  /** @param {Spoken} spoken */
  function show(spoken) {
    if (!scene.cues) scene.are_cues_old = false;
    fill(
      el,
      spokenPanel(spoken, scene, studio, () => fill(el)),
    );
    /** @type {HTMLElement | null} */ (el.querySelector(".sound-play"))?.click();
  }
  return {
    button: speak,
    el,
    changed: () => {
      asking?.abort();
      const heard = el.querySelector(".spoken");
      if (heard && !heard.querySelector(".cues-old")) heard.prepend(oldNote());
    },
  };
}

const oldNote = () => h("p", { class: "muted small-text cues-old" }, t("scene.heard.old"));

/** @param {Spoken} spoken @param {Scene} scene @param {Studio} studio @param {() => void} close */
function spokenPanel(spoken, scene, studio, close) {
  const tablePlace = h("div", { class: "scrolls" });
  let table = drawTable();
  const reset = button({ icon: "refresh", label: t("cue.reset"), kind: "small quiet", onclick: again });
  function drawTable() {
    const made = cueTable(scene.cues ?? spoken.cues, {
      hasSecond: Boolean(studio.script.subtitles.second_language),
      onchange: (cues) => {
        scene.cues = cues.length ? cues : null;
        scene.are_cues_old = false;
        reset.hidden = false;
        studio.changed();
      },
    });
    fill(tablePlace, made.el);
    return made;
  }
  function again() {
    scene.cues = null;
    scene.are_cues_old = false;
    table = drawTable();
    reset.hidden = true;
    studio.changed();
  }
  reset.hidden = !scene.cues;
  const play = soundButton(spoken.audio_url, t("scene.play"), "small sound-play", undefined, (sound) => {
    const mark = () => table.mark(sound.paused ? null : sound.currentTime);
    for (const name of ["timeupdate", "pause", "ended"]) sound.addEventListener(name, mark);
  });
  return h(
    "div",
    { class: "spoken stack" },
    h(
      "div",
      { class: "row wrap" },
      play,
      h("span", { class: "num small-text muted" }, formatClock(spoken.duration_s)),
      h("h3", { class: "grow" }, t("cue.title")),
      reset,
      button({ icon: "close", label: t("cue.close"), bare: true, kind: "small", onclick: close }),
    ),
    textWarningNote(spoken.warnings),
    spoken.cues.length || scene.cues ? tablePlace : h("p", { class: "muted" }, t("cue.none")),
  );
}
