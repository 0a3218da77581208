// @ts-check
// Making one scene of a finished video again; all others are taken from it.
import { fetchVoices } from "../core/server_state.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("./types.js").Script} Script */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {Record<string, any>} Fields */

const SEEDS = 2 ** 31;
/** What a job keeps of its request, besides the scenes. */
const WHOLE = [
  ...["engine", "device", "engines", "fallback", "format", "background", "framing", "subtitles", "sound"],
  ...["intro_asset_id", "outro_asset_id", "logo", "restore"],
];

/**
 * The request for a video like `job` in which one scene is as it is in the editor now. A scene that was not changed is
 * spoken anew, if its voice can: null otherwise, for it would become the same again.
 * @param {Job} job @param {number} index @param {Script} script @param {(scene: Scene) => Fields} requestOf
 */
export async function redoRequest({ id, params }, index, script, requestOf) {
  const whole = filled(Object.fromEntries(WHOLE.map((name) => [name, params[name]])));
  const scenes = params.scenes.map((/** @type {Fields} */ scene) => ofScene(scene, params));
  const edited = script.scenes.length === scenes.length ? script.scenes[index] : undefined;
  const before = scenes[index];
  const next = edited ? filled(requestOf(edited)) : { ...before };
  // the job names the voice that it chose itself
  const isSamePerson = next.avatar_id === before.avatar_id && next.model === before.model;
  if (next.text && !next.voice_id && isSamePerson && before.voice_id) next.voice_id = before.voice_id;
  if (same(next, before)) {
    if (!(await takesSeed(next))) return null;
    const seed = Math.floor(Math.random() * SEEDS);
    next.synthesis = { ...next.synthesis, seed };
    if (edited) edited.synthesis = { ...edited.synthesis, seed };
  }
  scenes[index] = next;
  return { ...whole, scenes, from_job_id: id };
}

/** A scene of a job less what the whole video says. @param {Fields} scene @param {Fields} whole @returns {Fields} */
const ofScene = (scene, whole) =>
  filled(
    Object.fromEntries(
      Object.entries(scene).filter(
        ([name, value]) => !["background", "framing"].includes(name) || !same(value, whole[name]),
      ),
    ),
  );

/** Without fields that are empty. @param {Fields} fields @returns {Fields} */
const filled = (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => !isNothing(value)));

/** @param {any} value */
const isNothing = (value) =>
  value === null || value === undefined || (typeof value === "object" && !Object.keys(value).length);

/** @param {any} a @param {any} b */
const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

/** With its keys in order and without empty fields, at all depths. @param {any} value @returns {any} */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (!value || typeof value !== "object") return value;
  const names = Object.keys(value).filter((name) => !isNothing(value[name]));
  return names.sort().map((name) => [name, sorted(value[name])]);
}

/** Whether a scene's voice speaks otherwise with another seed. @param {Fields} scene */
async function takesSeed({ voice_id, text }) {
  if (!text || !voice_id) return false;
  const voice = (await fetchVoices().catch(() => [])).find((v) => v.voice_id === voice_id);
  return voice?.synthesis.includes("seed") ?? false;
}
