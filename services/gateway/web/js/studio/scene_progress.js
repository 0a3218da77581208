// @ts-check
// The scenes of a video that is being made, each with how far it is.
import { fill, h, icon } from "../core/dom.js";
import { t, term } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("./types.js").SceneState} SceneState */

const ICONS = { waiting: "clock", speaking: "speak", spoken: "speak", drawing: "perform", drawn: "check" };

/** How the scenes of a job stand; empty for a job without scenes. @param {Job} job @returns {SceneState[]} */
export const sceneStates = (job) => job.result?.scenes ?? job.partial?.scenes ?? [];

/** A list that follows the job. @param {Job} first @param {AbortSignal} signal */
export function sceneProgress(first, signal) {
  const el = h("ol", { class: "scene-states" });
  let shown = "";
  jobs.follow(first, signal, (job) => {
    const states = sceneStates(job);
    const now = JSON.stringify(states.map((s) => [s.index, s.state]));
    if (now === shown) return;
    shown = now;
    el.hidden = states.length < 2;
    fill(el, ...states.map(stateRow));
  });
  return el;
}

/** @param {SceneState} scene */
function stateRow({ index, text, state }) {
  const name = /** @type {Record<string, string>} */ (ICONS)[state] ?? "clock";
  return h(
    "li",
    { class: "row scene-state-row", "data-state": state },
    icon(name, "small"),
    h("span", { class: "num" }, t("scene.n", { n: index + 1 })),
    h("span", { class: "clip grow muted" }, text || t("video.from_audio")),
    h("span", { class: "small-text" }, term("scene.state", state)),
  );
}

/** Which scene a problem is about, from 0; null when it is about the whole. @param {any} problem */
export function sceneOfProblem(problem) {
  const named = Number(problem?.params?.scene);
  if (named >= 1) return named - 1;
  const field = /\bscenes\.(\d+)\b/.exec(`${problem?.params?.what ?? ""} ${problem?.detail ?? ""}`);
  return field ? Number(field[1]) : null;
}
