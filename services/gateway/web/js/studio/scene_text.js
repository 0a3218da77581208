// @ts-check
// The text of a scene with its voice.
import { button, fill, h, setText } from "../core/dom.js";
import { savePreference } from "../core/preferences.js";
import { t } from "../i18n/translate.js";
import { previewPanel } from "../speech/preview_panel.js";
import { voiceChip } from "../voices/voice_chip.js";

/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Studio} Studio */

/**
 * @param {Scene} scene @param {Studio} studio @param {(scene: Scene) => void} onsplit
 * @param {(isWords: boolean) => void} changed
 */
export function sceneText(scene, studio, onsplit, changed) {
  const count = h("span", { class: "small-text muted num scene-count" });
  const id = `text-of-${scene.key}`;
  const area = h("textarea", { class: "input", rows: 4, id, value: scene.text, on: { input: typed, keydown } });
  const label = h("label", { for: id });
  const split = button({
    icon: "split",
    label: t("scene.split"),
    kind: "small quiet",
    title: t("scene.split.keys"),
    onclick: () => onsplit(scene),
  });
  const voice = sceneVoice(scene, () => changed(false));
  const said = () => ({ text: area.value.trim(), voice_id: voice.voiceId() || undefined });
  const old = oldCues(scene, studio);
  function typed() {
    scene.text = area.value;
    show();
    changed(true);
  }
  /** @param {KeyboardEvent} e */
  function keydown(e) {
    if (e.key !== "Enter" || !(e.ctrlKey || e.metaKey)) return;
    e.preventDefault();
    onsplit(scene);
  }
  function show() {
    setText(count, t("scene.count", { n: [...scene.text].length }));
    split.hidden = !scene.text.trim();
  }
  show();
  return {
    el: h("div", { class: "stack" }, h("div", { class: "field" }, label, area), old.el),
    area,
    split,
    voice,
    preview: previewPanel(studio.signal, said),
    count,
    showOldCues: old.show,
    refresh() {
      area.value = scene.text;
      show();
    },
    /** @param {number} index @param {number} of */
    place(index, of) {
      setText(label, of > 1 ? t("scene.text.n", { n: index + 1 }) : t("video.text.label"));
      label.classList.toggle("sr", of > 1); // the number is above
      area.rows = of > 1 ? 3 : 4;
      area.placeholder = t(index ? "scene.text.next" : "video.text.example");
    },
  };
}

/** @param {Scene} scene @param {() => void} onchange */
const sceneVoice = (scene, onchange) =>
  voiceChip({
    kind: "button small voice-of-scene",
    chosen: scene.voice_id ?? "",
    text: (name) => t("voice.with", { name }),
    onchange: (chosen) => {
      scene.voice_id = chosen || null;
      savePreference("video.voice", chosen); // the first scene of the next draft begins with it
      onchange();
    },
  });

/** A note while the cues were edited for other words. @param {Scene} scene @param {Studio} studio */
function oldCues(scene, studio) {
  const el = h("div", { class: "note warn small-text", role: "note" });
  function forget() {
    Object.assign(scene, { cues: null, are_cues_old: false });
    show();
    studio.changed();
  }
  function show() {
    el.hidden = !scene.are_cues_old || !scene.cues;
    if (el.hidden || el.childElementCount) return;
    fill(
      el,
      h("p", { class: "grow" }, t("cue.old")),
      button({ label: t("cue.forget"), kind: "small", onclick: forget }),
    );
  }
  show();
  return { el, show };
}
