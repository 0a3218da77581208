// @ts-check
// Checks of a clip for training, from what the upload found.

import { h } from "../core/dom.js";
import { formatBytes, formatClock, formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {"good" | "warn" | "bad"} CheckState */
/** @typedef {{key: string, state: CheckState, text: string}} Check */

const MIN_S = 4;

/** Length of a good clip in seconds, for the advice and for the check. The training warns below the same length. */
export const ADVISED = { from: 12, to: 60 };
const MIN_SIDE_PX = 256;
const FPS_RANGE = [20, 61];

/** @type {(key: string, state: CheckState, text: string, params?: Record<string, string | number>) => Check} */
const check = (key, state, text, params = {}) => ({ key, state, text: t(`check.${text}`, params) });

/** What can be checked before the training looks at faces and sound. @param {Asset} clip @returns {Check[]} */
export const clipChecks = (clip) => [
  clip.has_audio === false ? check("sound", "bad", "sound.none") : check("sound", "good", "sound"),
  lengthCheck(clip.duration_s ?? 0),
  sizeCheck(clip.width ?? 0, clip.height ?? 0),
  fpsCheck(clip.fps ?? 0),
];

/** @param {number} seconds */
function lengthCheck(seconds) {
  const s = formatNumber(seconds, 1);
  if (seconds < MIN_S) return check("length", "bad", "length.none", { s, least: MIN_S });
  if (seconds < ADVISED.from) return check("length", "warn", "length.short", { s, least: ADVISED.from });
  if (seconds > ADVISED.to) return check("length", "warn", "length.long", { s: ADVISED.to });
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
