// @ts-check
// How the picture will be: the avatar cut to the format, with background, captions and logo. A sketch, at once.
import { button, fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { fetchAsset } from "./asset_field.js";
import { captionPlace, cutOf, outputSize, USUAL_FACE } from "./frame_geometry.js";
import { isRecording } from "./script.js";

/** @typedef {import("./types.js").Studio} Studio */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Background} Background */

const CAPTION_CHARS = { zh: 14, en: 30 };
const MOST_ENLARGED = 2; // the server warns beyond it

const percent = (/** @type {number} */ part) => `${(part * 100).toFixed(3)}%`;

/** @param {Studio} studio @returns {HTMLElement} */
export function framePreview(studio) {
  let index = 0;
  const frame = h("div", { class: "frame", role: "img" });
  const words = h("p", { class: "small-text muted num" });
  const which = h("div", { class: "row frame-which" });
  const el = h("figure", { class: "frame-preview" }, h("div", { class: "frame-room" }, frame), words, which);

  function draw() {
    const { script } = studio;
    index = Math.min(index, script.scenes.length - 1);
    drawFrame(frame, script.scenes[index], studio, words);
    const of = script.scenes.length;
    if (of < 2) return fill(which);
    const step = (/** @type {string} */ icon, /** @type {number} */ by) => {
      const label = t(by < 0 ? "frame.before" : "frame.next");
      const onclick = () => {
        index = (index + by + of) % of;
        draw();
        /** @type {HTMLElement} */ (which.children[by < 0 ? 0 : 2]).focus();
      };
      return button({ icon, label, bare: true, kind: "small", onclick });
    };
    const name = h("span", { class: "small-text num" }, t("scene.n", { n: index + 1 }));
    fill(which, step("back", -1), name, step("turn", 1));
  }
  // what has the focus is what one wants to see
  document.addEventListener(
    "focusin",
    (e) => {
      const key = e.target instanceof Element ? e.target.closest("[data-scene]")?.getAttribute("data-scene") : null;
      const at = studio.script.scenes.findIndex((scene) => scene.key === key);
      if (at < 0 || at === index) return;
      index = at;
      draw();
    },
    { signal: studio.signal },
  );
  studio.watch(draw);
  draw();
  return el;
}

/** @param {HTMLElement} frame @param {Scene} scene @param {Studio} studio @param {HTMLElement} words */
function drawFrame(frame, scene, studio, words) {
  const { script } = studio;
  const person = studio.personOf(scene);
  if (!person) return;
  const { avatar } = person;
  const source = { width: avatar.width, height: avatar.height };
  const face = avatar.report.face_box ?? USUAL_FACE;
  const output = outputSize(script.format, source);
  const framing = scene.framing ?? script.framing;
  const cut = cutOf(source, face, output, framing);
  const background = scene.background ?? script.background;
  const place = captionPlace(script.subtitles.place, source, face, cut);
  const ratio = `${output.width} / ${output.height}`;
  frame.style.setProperty("aspect-ratio", ratio);
  frame.style.setProperty("--ratio", String(output.width / output.height));
  frame.setAttribute("aria-label", t("frame.label", { width: output.width, height: output.height }));
  const isEnlarged = framing !== "whole" && output.width / cut.width > MOST_ENLARGED;
  words.textContent = t(isEnlarged ? "frame.enlarged" : "frame.size", output);
  words.classList.toggle("soft", isEnlarged);
  const picture = h("img", { class: "frame-person", src: avatar.thumbnail_url, alt: "" });
  const where = {
    left: percent(-cut.left / cut.width),
    top: percent(-cut.top / cut.height),
    width: percent(source.width / cut.width),
    height: percent(source.height / cut.height),
  };
  for (const [name, value] of Object.entries(where)) picture.style.setProperty(name, value);
  const middle = { x: (face.left + face.right) / 2, y: (face.top + face.bottom) / 2 };
  for (const [name, value] of [
    ["--face-x", middle.x],
    ["--face-y", middle.y],
    ["--face-w", face.right - face.left],
    ["--face-h", face.bottom - face.top],
  ])
    picture.style.setProperty(String(name), percent(Number(value)));
  frame.dataset.background = background.kind;
  fill(
    frame,
    backdrop(background, avatar.thumbnail_url, framing),
    picture,
    script.subtitles.burn ? caption(scene, studio, place) : null,
    logo(studio),
  );
}

/** What is behind the person. @param {Background} background @param {string} thumbnail @param {string} framing */
function backdrop({ kind, colour = "#f4efe6", asset_id, strength = 0.5 }, thumbnail, framing) {
  const blurred = (/** @type {number} */ amount) =>
    h("img", { class: "frame-ground", src: thumbnail, alt: "", style: { filter: `blur(${4 + amount * 12}px)` } });
  if (kind === "colour") return h("div", { class: "frame-ground", style: { background: colour } });
  if (kind === "transparent") return h("div", { class: "frame-ground chequered" });
  if (kind === "blur" || (kind === "keep" && framing === "whole")) return blurred(strength);
  if (kind === "keep") return null;
  const ground = h("div", { class: "frame-ground chequered" });
  if (asset_id)
    fetchAsset(asset_id).then(
      ({ url }) => {
        const made =
          kind === "picture"
            ? h("img", { class: "frame-ground", src: url, alt: "" })
            : h("video", {
                class: "frame-ground",
                src: `${url}#t=0.1`,
                muted: true,
                preload: "metadata",
                tabindex: -1,
              });
        ground.replaceWith(made);
      },
      () => {}, // the field says that it is gone
    );
  return ground;
}

/** @param {Scene} scene @param {Studio} studio @param {{from: "top" | "bottom", share: number}} place */
function caption(scene, { script }, { from, share }) {
  const { size, highlight, second_language } = script.subtitles;
  const text = isRecording(scene) ? "" : scene.text.trim();
  const line = firstLine(text.replace(/\[pause [\d.]+\]|<[^>]*>/g, "") || t("frame.caption"));
  const [first, rest] = cutWord(line);
  const said = highlight ? [h("mark", null, first), rest] : [line];
  return h(
    "div",
    { class: `frame-caption ${size}`, style: { [from]: percent(share) } },
    h("span", null, ...said),
    second_language ? h("span", { class: "second" }, t("frame.second")) : null,
  );
}

/** @param {string} text */
function firstLine(text) {
  const most = /[\u3400-\u9fff]/.test(text) ? CAPTION_CHARS.zh : CAPTION_CHARS.en;
  const [sentence] = text.split(/(?<=[。！？!?.\n])/);
  if (sentence.length <= most) return sentence.trim();
  const cut = sentence.slice(0, most);
  const space = cut.lastIndexOf(" ");
  return space > most / 2 ? cut.slice(0, space) : cut;
}

/** The first word of a line, as it is marked while it is said. @param {string} line @returns {[string, string]} */
function cutWord(line) {
  const end = line.indexOf(" ");
  const at = end > 0 ? end : Math.min(2, line.length);
  return [line.slice(0, at), line.slice(at)];
}

/** @param {Studio} studio */
function logo({ script }) {
  if (!script.logo?.asset_id) return null;
  const { asset_id, corner, width, opacity } = script.logo;
  const [down, across] = corner.split("-");
  const style = { width: percent(width), opacity, [down]: "4cqmin", [across]: "4cqmin" };
  const el = h("img", { class: "frame-logo", alt: "", style });
  fetchAsset(asset_id).then(
    ({ url }) => (el.src = url),
    () => {}, // the field says that it is gone
  );
  return el;
}
