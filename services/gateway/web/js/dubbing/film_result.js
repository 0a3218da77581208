// @ts-check
// The dubbed film beside the one that it was made of.
import { button, fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { fetchAsset } from "../studio/asset_field.js";
import { resultParts } from "../video/video_result.js";

/** @typedef {import("../core/types.js").Job} Job */

/** What became of the other sounds of the film. */
const HOW = ["voice-removed", "background-ducked"];

/** @param {Job} job @param {string} original id of the film's file @param {() => void} oncorrect */
export function filmResult(job, original, oncorrect) {
  const { screen, words } = resultParts(job, {});
  const before = h("div", { class: "dubbing-before" }, h("div", { class: "skeleton", "aria-hidden": "true" }));
  fetchAsset(original).then(
    ({ url }) => fill(before, originalPlayer(url)),
    () => fill(before, h("p", { class: "muted small-text" }, t("dubbing.film_gone"))),
  );
  const figure = (/** @type {string} */ caption, /** @type {HTMLElement} */ el) =>
    h("figure", { class: "stack tight" }, h("figcaption", { class: "small-text muted" }, caption), el);
  const correct = button({ icon: "edit", label: t("dubbing.correct"), onclick: oncorrect });
  const pair = h(
    "div",
    { class: "dubbing-pair" },
    figure(t("dubbing.original_film"), before),
    figure(t("dubbing.dubbed_film"), screen),
  );
  oneAtATime(pair);
  return h("div", { class: "stack" }, pair, ...howItWasMade(job.result ?? {}), words, h("div", null, correct));
}

/** What is not as one may expect it. @param {Record<string, any>} result */
function howItWasMade({ passthrough_frames: n, frames: of, warnings, scenes }) {
  const all = [...(warnings ?? []), ...(scenes ?? []).flatMap((/** @type {any} */ scene) => scene.warnings ?? [])];
  const how = HOW.find((reason) => all.some((warning) => warning.reason === reason));
  const lines = [n ? t("dubbing.passthrough", { n, of }) : "", how ? t(`dubbing.how.${how}`) : ""].filter(Boolean);
  return lines.map((line) => h("p", { class: "small-text muted" }, line));
}

/** @param {string} url */
const originalPlayer = (url) =>
  h("video", {
    src: `${url}#t=0.1`, // a picture instead of nothing
    class: "player",
    controls: true,
    playsinline: true,
    preload: "metadata",
    "aria-label": t("dubbing.original_film"),
  });

/** Two voices at once are understood by nobody. @param {HTMLElement} pair */
function oneAtATime(pair) {
  const pause = (/** @type {Event} */ e) => {
    for (const video of pair.querySelectorAll("video")) if (video !== e.target) video.pause();
  };
  pair.addEventListener("play", pause, true); // it does not bubble
}
