// @ts-check
// What the server offers: asked once, shared by the pages, asked again when something changed.
import { get, list } from "./api.js";

/** @typedef {import("./types.js").System} System */

const FRESH_MS = 20_000;
const MADE_MS = 1500;
const FIRST_MS = 1000;

/** @type {Map<string, Promise<any>>} */
const asked = new Map();

/** @param {string} key @param {() => Promise<any>} ask */
function once(key, ask) {
  let answer = asked.get(key);
  if (!answer) {
    answer = ask();
    asked.set(key, answer);
    answer.catch(() => asked.delete(key)); // a failure is not remembered
  }
  return answer;
}

/** Must be asked again. @param {"avatars" | "voices" | "engines" | "devices" | "models"} key */
export const stale = (key) => asked.delete(key);

/** @returns {Promise<import("./types.js").Avatar[]>} */
export const avatars = () => once("avatars", theFaces);

/** There is always a built-in face, but on the first start of all it is still being made: then this waits for it. */
async function theFaces() {
  for (;;) {
    const all = await list("/avatars?limit=200");
    if (all.length) return all;
    await new Promise((done) => setTimeout(done, MADE_MS));
  }
}
/** With why no voice can be cloned here; null when that works. @returns {Promise<{items: import("./types.js").Voice[], cloning_problem: import("./types.js").ProblemBody | null, cloning_weights: string[]}>} */
export const voiceList = () => once("voices", () => get("/voices"));
/** @returns {Promise<import("./types.js").Voice[]>} */
export const voices = async () => (await voiceList()).items;
/** @returns {Promise<import("./types.js").Engines>} */
export const engines = () => once("engines", () => get("/engines"));
/** @returns {Promise<import("./types.js").Device[]>} */
export const devices = () => once("devices", () => list("/devices"));
/** @returns {Promise<import("./types.js").Model[]>} */
export const models = () => once("models", () => list("/models?limit=200"));

// Media links and engine states age: lists are asked again after a while and when the language changes.
setInterval(() => asked.clear(), 10 * 60_000);
document.addEventListener("language", () => asked.clear());

/** @type {System | null} */
let latest = null;
const bus = new EventTarget();

/** The system's state as last told; null before the first answer. */
export const system = () => latest;

/** Asks for the system's state. @param {AbortSignal} [signal] @returns {Promise<System>} */
export async function readSystem(signal) {
  const now = await get("/system", signal);
  const changed = latest && latest.status !== now.status;
  latest = now;
  if (changed) asked.clear();
  bus.dispatchEvent(new Event("system"));
  return now;
}

/** Calls back with the system's state whenever it was read. @param {AbortSignal} signal @param {(now: System) => void} told */
export function watchSystem(signal, told) {
  if (latest) told(latest);
  bus.addEventListener("system", () => latest && told(latest), { signal });
}

/** Keeps the state fresh while somebody looks. Ends when it is known, or does not come soon. @returns {Promise<void>} */
export async function keepSystemFresh() {
  const ask = () =>
    readSystem().then(
      () => {},
      () => {},
    ); // the event stream tells of a lost server
  const look = () => void (document.hidden || ask());
  setInterval(look, FRESH_MS);
  document.addEventListener("visibilitychange", look);
  document.addEventListener("language", look);
  await Promise.race([ask(), new Promise((done) => setTimeout(done, FIRST_MS))]);
}
