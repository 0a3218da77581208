// @ts-check
// The scenes of a finished video: go to one, make one again.
import { button, h } from "../core/dom.js";
import { formatClock } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { textWarningNote } from "../speech/text_warnings.js";
import { sceneStates } from "./scene_progress.js";

/** @typedef {import("../core/types.js").Job} Job */

const OF_FORMAT = "enlarged"; // a warning about the size of the whole video

/**
 * Warnings of a result that no scene tells.
 * @param {Record<string, any>} result of its job
 * @returns {import("../speech/text_warnings.js").TextWarning[] | undefined}
 */
export const wholeWarnings = ({ warnings, scenes }) =>
  scenes ? warnings?.filter((/** @type {any} */ w) => w.reason === OF_FORMAT) : warnings;

/**
 * @param {Job} job @param {(time_s: number) => void} seek
 * @param {((job: Job, index: number) => void) | undefined} redo none where nothing can be made
 */
export function resultScenes(job, seek, redo) {
  const scenes = sceneStates(job);
  if (!scenes.length || (scenes.length < 2 && !redo)) return null;
  const row = (/** @type {import("./types.js").SceneState} */ scene) => {
    const { index, text, start_s, end_s, warnings } = scene;
    const n = index + 1;
    const go = button({
      icon: "play",
      label: formatClock(start_s ?? 0),
      kind: "small quiet num",
      "aria-label": t("scene.go", { n, time: formatClock(start_s ?? 0) }),
      title: `${formatClock(start_s ?? 0)} – ${formatClock(end_s ?? 0)}`,
      onclick: () => seek(start_s ?? 0),
    });
    const again = redo
      ? button({
          icon: "refresh",
          label: t("scene.redo"),
          kind: "small quiet",
          "aria-label": t("scene.redo.n", { n }),
          onclick: () => redo(job, index),
        })
      : null;
    const words = h("span", { class: "clip grow" }, text || t("video.from_audio"));
    const own = warnings?.filter(({ reason }) => reason !== OF_FORMAT);
    return h("li", null, h("div", { class: "row" }, go, words, again), textWarningNote(own));
  };
  return h(
    "div",
    { class: "stack tight" },
    h("h3", null, t("scene.list")),
    h("ol", { class: "result-scenes" }, ...scenes.map(row)),
  );
}
