// @ts-check
// What belongs to the whole video, folded: picture, subtitles, sound, beginning and end. Each fold says what is chosen.
import { fold } from "../components/fold.js";
import { fill, h, setText } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { captionOptions, captionWords } from "./caption_options.js";
import { edgeOptions, edgeWords } from "./edge_options.js";
import { pictureOptions, pictureWords } from "./picture_options.js";
import { soundOptions, soundWords } from "./sound_options.js";

/** @typedef {import("./types.js").Studio} Studio */

const PARTS = /** @type {const} */ ([
  ["picture", pictureOptions, pictureWords],
  ["captions", captionOptions, captionWords],
  ["sound", soundOptions, soundWords],
  ["edges", edgeOptions, edgeWords],
]);

/** @param {Studio} studio @param {HTMLElement} how the engine's options, folded as well */
export const wholeVideo = (studio, how) =>
  h("div", { class: "whole-video stack" }, ...PARTS.map(([name, draw, words]) => part(name, studio, draw, words)), how);

/**
 * @param {string} name @param {Studio} studio @param {(studio: Studio) => HTMLElement} draw
 * @param {(script: import("./types.js").Script) => string} words
 */
function part(name, studio, draw, words) {
  const chosen = h("span", { class: "small-text muted clip grow" });
  const inside = h("div", { class: "inside" });
  const el = fold([h("span", null, t(`whole.${name}`)), chosen], inside);
  el.classList.add(`whole-${name}`);
  el.addEventListener("toggle", () => el.open && !inside.childElementCount && fill(inside, draw(studio)));
  const show = () => setText(chosen, words(studio.script));
  studio.watch((change) => change === "words" || show());
  show();
  return el;
}
