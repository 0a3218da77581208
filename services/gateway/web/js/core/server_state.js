// @ts-check
// What the server offers (avatars, voices, engines, …) and its health. Lists are cached and shared by all pages.
import { account } from "./account.js";
import { get, list } from "./api.js";

/** @typedef {import("./types.js").ProblemBody} ProblemBody */
/** @typedef {import("./types.js").System} System */
/** @typedef {import("./types.js").Voice} Voice */

const POLL_MS = 20_000;
const BUILTIN_RETRY_MS = 1500;
const FIRST_ANSWER_MS = 1000;

/** @type {Map<string, Promise<any>>} */
const cache = new Map();

/** @param {string} key @param {() => Promise<any>} ask */
function cached(key, ask) {
  let answer = cache.get(key);
  if (!answer) {
    answer = ask();
    cache.set(key, answer);
    answer.catch(() => cache.delete(key)); // failures are not cached
  }
  return answer;
}

/**
 * Drops a cached list, so that the next call fetches it again.
 * @param {"avatars" | "voices" | "engines" | "devices" | "models" | "shared" | "consents"} key
 */
export const invalidate = (key) => cache.delete(key);

/** @returns {Promise<import("./types.js").Avatar[]>} */
export const fetchAvatars = () => cached("avatars", loadAvatars);

/** Waits for the built-in avatar, which is still being prepared on the very first start. */
async function loadAvatars() {
  for (;;) {
    const all = await list("/avatars?limit=200");
    if (all.length) return all;
    await new Promise((done) => setTimeout(done, BUILTIN_RETRY_MS));
  }
}

/** @typedef {{items: Voice[], cloning_problem: ProblemBody | null, cloning_weights: string[]}} VoiceList */

/**
 * Voices, and why none can be cloned here (`null` when cloning works).
 * @returns {Promise<VoiceList>}
 */
export const fetchVoiceList = () => cached("voices", () => get("/voices"));

/** @returns {Promise<Voice[]>} */
export const fetchVoices = async () => (await fetchVoiceList()).items;

/** @returns {Promise<import("./types.js").Engines>} */
export const fetchEngines = () => cached("engines", () => get("/engines"));

/**
 * Whether a language model is connected that can translate. One that may be asked anything names its models; the
 * built-in answers have none.
 */
export const fetchCanTranslate = async () =>
  (await fetchEngines()).items.some((e) => e.service === "llm" && e.available && e.models.length > 0);

/** @returns {Promise<import("./types.js").Device[]>} */
export const fetchDevices = () => cached("devices", () => list("/devices"));

/** @returns {Promise<import("./types.js").Model[]>} */
export const fetchModels = () => cached("models", () => list("/models?limit=200"));

/** What others share with one. @returns {Promise<import("./account_types.js").SharedThing[]>} */
export const fetchShared = async () => (account() ? cached("shared", () => list("/shares/with-me")) : []);

/** What one stated about faces and voices. @returns {Promise<import("./account_types.js").ConsentRecord[]>} */
export const fetchConsents = () => cached("consents", () => list("/consents"));

/** What one may state, in the page's language. @returns {Promise<import("./account_types.js").ConsentTexts>} */
export const fetchConsentTexts = () => cached("consent_texts", () => get("/consents/texts"));

// Media URLs and engine states expire: lists are fetched again after a while and when the language changes.
setInterval(() => cache.clear(), 10 * 60_000);
document.addEventListener("language", () => cache.clear());

/** @type {System | null} */
let latest = null;
const bus = new EventTarget();

/** The latest known system state; `null` before the first answer. */
export const latestSystem = () => latest;

/** Fetches the system state and notifies watchers. @param {AbortSignal} [signal] @returns {Promise<System>} */
export async function fetchSystem(signal) {
  const now = await get("/system", signal);
  const changed = latest && latest.status !== now.status;
  latest = now;
  if (changed) cache.clear();
  bus.dispatchEvent(new Event("system"));
  return now;
}

/**
 * Calls back with every new system state, and at once if one is known.
 * @param {AbortSignal} signal
 * @param {(now: System) => void} callback
 */
export function watchSystem(signal, callback) {
  if (latest) callback(latest);
  bus.addEventListener("system", () => latest && callback(latest), { signal });
}

/**
 * Polls the system state while the page is visible. Resolves when it is known or late.
 * @returns {Promise<void>}
 */
export async function startSystemPolling() {
  const ask = () =>
    fetchSystem().then(
      () => {},
      () => {},
    ); // the event stream reports a lost connection
  const look = () => void (document.hidden || ask());
  setInterval(look, POLL_MS);
  document.addEventListener("visibilitychange", look);
  document.addEventListener("language", look);
  await Promise.race([ask(), new Promise((done) => setTimeout(done, FIRST_ANSWER_MS))]);
}
