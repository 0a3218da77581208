// @ts-check
// Checks of a clip for training, from what the upload found.

import { h } from "../core/dom.js";
import { formatBytes, formatClock, formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {import("../core/types.js").TrainingClip} TrainingClip */
/** @typedef {"good" | "warn" | "bad"} CheckState */
/** @typedef {{key: string, state: CheckState, text: string}} Check */

const MIN_SIDE_PX = 256;
const FPS_RANGE = [20, 61];

/** @type {(key: string, state: CheckState, text: string, params?: Record<string, string | number>) => Check} */
const check = (key, state, text, params = {}) => ({ key, state, text: t(`check.${text}`, params) });

/**
 * What can be checked before the training looks at faces and sound.
 * @param {Asset} clip
 * @param {TrainingClip | null} needed what the engine needs; `null` where that is not known
 * @returns {Check[]}
 */
export const clipChecks = (clip, needed) => [
  clip.has_audio === false ? check("sound", "bad", "sound.none") : check("sound", "good", "sound"),
  ...(needed ? [lengthCheck(clip.duration_s ?? 0, needed)] : []),
  sizeCheck(clip.width ?? 0, clip.height ?? 0),
  fpsCheck(clip.fps ?? 0),
];

/** @param {number} seconds @param {TrainingClip} needed */
function lengthCheck(seconds, { least_s: least, short_s: short, most_s: most }) {
  const s = formatNumber(seconds, 1);
  if (seconds < least) return check("length", "bad", "length.none", { s, least });
  if (seconds < short) return check("length", "warn", "length.short", { s, least: short });
  if (seconds > most) return check("length", "warn", "length.long", { s: most });
  return check("length", "good", "length", { time: formatClock(seconds) });
}

/** @param {number} w @param {number} h */
const sizeCheck = (w, h) =>
  Math.min(w, h) < MIN_SIDE_PX ? check("size", "warn", "size.small", { w, h }) : check("size", "good", "size");

/** @param {number} fps */
const fpsCheck = (fps) =>
  fps < FPS_RANGE[0] || fps > FPS_RANGE[1]
    ? check("fps", "warn", "fps.odd", { fps: formatNumber(fps, 1) })
    : check("fps", "good", "fps");

/** Length, size, frame rate and file size. @param {Asset} clip */
export const clipFacts = ({ duration_s, width, height, fps, bytes }) =>
  h(
    "p",
    { class: "small-text muted num" },
    [formatClock(duration_s ?? 0), `${width} × ${height}`, `${formatNumber(fps ?? 0, 2)} fps`, formatBytes(bytes)].join(
      " · ",
    ),
  );
