// @ts-check
// One scene: its text or recording, its voice, and what it has of its own. A single one is a plain text box.
import { problemCard } from "../components/problem_card.js";
import { tabs } from "../components/tabs.js";
import { fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { recordingPanel } from "./recording_panel.js";
import { sceneHead } from "./scene_head.js";
import { sceneOptions } from "./scene_options.js";
import { sceneSpeech } from "./scene_speech.js";
import { sceneText } from "./scene_text.js";
import { isRecording } from "./script.js";

/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Studio} Studio */
/**
 * @typedef {object} SceneActions
 * @property {(scene: Scene) => void} split at the caret
 * @property {(scene: Scene) => void} remove
 * @property {(scene: Scene, by: number) => void} move
 * @property {(scene: Scene, e: PointerEvent) => void} drag
 */
/**
 * @typedef {object} SceneCard
 * @property {HTMLLIElement} el
 * @property {(index: number, of: number) => void} place tells it where it is
 * @property {() => void} focus
 * @property {() => number | null} caret place in the text, null in a recording
 * @property {() => void} refresh after its words were changed from outside
 * @property {(problem: unknown) => void} showProblem null takes it away
 */

/** @param {Scene} scene @param {Studio} studio @param {SceneActions} actions @returns {SceneCard} */
export function sceneCard(scene, studio, actions) {
  const problem = h("div", { class: "scene-problem" });
  const head = sceneHead(scene, studio, actions);
  const speech = sceneSpeech(scene, studio);
  const changed = (isWords = false) => {
    fill(problem);
    if (scene.cues) scene.are_cues_old = true;
    text.showOldCues();
    speech.changed();
    text.preview.changed();
    head.draw();
    studio.changed(isWords ? "words" : undefined);
  };
  const text = sceneText(scene, studio, actions.split, changed);
  const options = sceneOptions(scene, studio, changed);
  const what = textOrRecording(scene, studio, text.el, { changed, onknown: head.draw });
  const tools = h("div", { class: "row wrap scene-tools" }, text.voice.el, speech.button, text.split, text.count);
  const parts = [head.el, what, tools, speech.el, problem, options.el, text.preview.el];
  const el = h("li", { class: "scene", "data-scene": scene.key }, ...parts);
  const redraw = () => {
    el.classList.toggle("is-recording", isRecording(scene));
    options.draw();
    head.draw();
    const person = studio.personOf(scene);
    if (person) text.voice.setAvatar(person.avatar);
  };
  studio.watch((change) => change === "words" || redraw());
  redraw();
  el.addEventListener("keydown", (e) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[e.key];
    if (!by || !e.altKey || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    actions.move(scene, by);
  });
  return {
    el,
    place(index, of) {
      head.place(index, of);
      text.place(index, of);
    },
    focus: () => (isRecording(scene) ? el.querySelector("button")?.focus() : text.area.focus()),
    caret: () => (isRecording(scene) ? null : text.area.selectionStart),
    refresh() {
      text.refresh();
      changed();
    },
    showProblem: (error) => fill(problem, error ? problemCard(error) : null),
  };
}

/**
 * Tabs: what is said is a text or a recording.
 * @param {Scene} scene @param {Studio} studio @param {HTMLElement} text
 * @param {{changed: () => void, onknown: () => void}} on `onknown`: the length of the recording is known
 */
function textOrRecording(scene, studio, text, { changed, onknown }) {
  const recording = h("div", { class: "stack" });
  const set = (/** @type {string | null} */ id) => {
    Object.assign(scene, { audio_asset_id: id, cues: null });
    changed();
  };
  const draw = () =>
    fill(
      recording,
      recordingPanel(scene.audio_asset_id ?? "", studio.signal, {
        onchange: (asset) => set(asset?.id ?? ""),
        onknown,
      }),
    );
  if (isRecording(scene)) draw();
  const keys = [`text-${scene.key}`, `audio-${scene.key}`];
  const panels = [
    { key: keys[0], label: t("video.text"), panel: text },
    { key: keys[1], label: t("video.audio"), panel: recording },
  ];
  return tabs(t("video.what"), panels, keys[isRecording(scene) ? 1 : 0], (chosen) => {
    set(chosen === keys[1] ? "" : null);
    if (isRecording(scene)) draw();
  });
}
