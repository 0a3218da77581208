// @ts-check
// The line above a scene: number, face, length, and what can be done with the whole scene.
import { avatarFace } from "../avatars/avatar_face.js";
import { button, fill, h, setText } from "../core/dom.js";
import { formatSeconds } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { fetchAsset } from "./asset_field.js";
import { estimateSeconds, isRecording } from "./script.js";

/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Studio} Studio */
/** @typedef {import("./scene_card.js").SceneActions} SceneActions */

/**
 * Number, face, length and what can be done with the whole scene; hidden while it is the only one.
 * @param {Scene} scene @param {Studio} studio @param {SceneActions} actions
 */
export function sceneHead(scene, studio, actions) {
  const face = h("span", { class: "scene-face" });
  const name = h("span", { class: "clip grow muted small-text" });
  const number = h("h3", { class: "num" });
  const length = h("span", { class: "small-text muted num" });
  const handle = button({ icon: "grip", label: "", bare: true, kind: "small handle" });
  handle.addEventListener("pointerdown", (e) => actions.drag(scene, e));
  handle.addEventListener("keydown", (e) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[e.key];
    if (!by || e.altKey) return;
    e.preventDefault();
    actions.move(scene, by);
  });
  const remove = button({ icon: "trash", label: "", bare: true, kind: "small", onclick: () => actions.remove(scene) });
  let shown = "";
  const draw = () => {
    const person = studio.personOf(scene);
    setText(name, person?.name ?? "");
    if (person && shown !== person.key) {
      shown = person.key;
      fill(face, avatarFace(person.avatar));
    }
    void showLength(scene, length);
  };
  draw();
  return {
    el: h("div", { class: "row scene-head" }, handle, face, number, name, length, remove),
    draw,
    /** @param {number} index @param {number} of */
    place(index, of) {
      const n = index + 1;
      setText(number, t("scene.n", { n }));
      for (const [el, label] of /** @type {const} */ ([
        [handle, t("scene.handle", { n, of })],
        [remove, t("scene.remove.n", { n })],
      ])) {
        el.setAttribute("aria-label", label);
        el.title = label;
      }
    },
  };
}

/** @param {Scene} scene @param {HTMLElement} el */
async function showLength(scene, el) {
  if (!isRecording(scene)) {
    const s = estimateSeconds(scene);
    return setText(el, s ? t("scene.about", { time: formatSeconds(s) }) : "");
  }
  const asset = scene.audio_asset_id ? await fetchAsset(scene.audio_asset_id).catch(() => null) : null;
  setText(el, asset?.duration_s ? formatSeconds(asset.duration_s) : "");
}
