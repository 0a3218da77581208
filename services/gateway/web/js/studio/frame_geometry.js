// @ts-check
// Which part of an avatar's picture a format shows: as services/gateway/studio/formats.py cuts it.

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box in shares of the picture */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {import("./types.js").Format} Format */

/** Where the face is taken to be in avatars that do not tell. @type {Box} */
export const USUAL_FACE = { left: 0.32, top: 0.17, right: 0.68, bottom: 0.63 };

const RATIOS = { "9:16": [9, 16], "1:1": [1, 1], "16:9": [16, 9], "4:5": [4, 5] };
const SHORT_SIDE_PX = 1080;
const LEAST_PX = 64;
const MOST_PX = 3840;
/** Height of the cut in heights of the face, and where in it the middle of the face is. */
const NEAR = { head: { faces: 2.1, middle: 0.48 }, bust: { faces: 3.6, middle: 0.36 } };
const FACE_MIDDLE = 0.4;
/** A narrow cut is at least so many faces wide. */
const LEAST_FACE_WIDTHS = 1.5;

/** Size of the video in pixels. @param {Format} format @param {Size} source @returns {Size} */
export function outputSize({ ratio, width, height, resolution }, source) {
  if (ratio === "own") return { width, height };
  const [across, down] = ratio === "source" ? [source.width, source.height] : RATIOS[ratio];
  const short = resolution ?? (ratio === "source" ? Math.min(across, down) : SHORT_SIDE_PX);
  const scale = short / Math.min(across, down);
  return { width: even(across * scale), height: even(down * scale) };
}

const even = (/** @type {number} */ n) => Math.min(MOST_PX, Math.max(LEAST_PX, 2 * Math.round(n / 2)));

/**
 * The part of the source that is shown, in its pixels. With "whole" it may be larger than the source: bars.
 * @param {Size} source @param {Box} face @param {Size} output @param {import("./types.js").Framing} framing
 */
export function cutOf(source, face, output, framing) {
  const form = output.width / output.height;
  if (framing === "whole") {
    const height = Math.max(source.height, source.width / form);
    const width = height * form;
    return { left: (source.width - width) / 2, top: (source.height - height) / 2, width, height };
  }
  const largest = Math.min(source.height, source.width / form);
  const near = framing === "auto" ? { faces: Infinity, middle: FACE_MIDDLE } : NEAR[framing];
  const wide = ((face.right - face.left) * source.width * LEAST_FACE_WIDTHS) / form;
  const height = Math.min(largest, Math.max(near.faces * (face.bottom - face.top) * source.height, wide));
  const width = height * form;
  const x = ((face.left + face.right) / 2) * source.width;
  const y = ((face.top + face.bottom) / 2) * source.height;
  return {
    left: between(x - width / 2, 0, source.width - width),
    top: between(y - near.middle * height, 0, source.height - height),
    width,
    height,
  };
}

/** @param {number} value @param {number} low @param {number} high */
const between = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

/**
 * Where the captions begin or end, as a share of the video's height.
 * @param {import("./types.js").Subtitles["place"]} place @param {Size} source @param {Box} face
 * @param {{top: number, height: number}} cut @returns {{from: "top" | "bottom", share: number}}
 */
export function captionPlace(place, source, face, cut) {
  if (place === "top") return { from: "top", share: 0.06 };
  if (place === "bottom") return { from: "bottom", share: 0.06 };
  const chin = (face.bottom * source.height - cut.top) / cut.height;
  return chin < 0.78 ? { from: "top", share: Math.max(0.68, chin + 0.05) } : { from: "bottom", share: 0.04 };
}
