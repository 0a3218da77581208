// @ts-check
// The script of a video: empty ones, what is saved of it, and how it is cut.

/** @typedef {import("./types.js").Script} Script */
/** @typedef {import("./types.js").Scene} Scene */

export const PAUSE_S = 0.4;
export const MUSIC = { level_db: -20, duck_db: 12, fade_in_s: 1, fade_out_s: 2 };
export const LOGO = /** @type {const} */ ({ corner: "top-right", width: 0.12, opacity: 1 });

const NAME_CHARS = 40;

let count = 0;
const newKey = () => `s${(count += 1)}`;

/** An empty scene, spoken by whom and as `like` is. @param {Scene} [like] @returns {Scene} */
export const newScene = (like) => ({
  key: newKey(),
  text: "",
  audio_asset_id: null,
  avatar_id: like?.avatar_id ?? null,
  model: like?.model ?? null,
  voice_id: like?.voice_id ?? null,
  language: like?.language ?? null,
  synthesis: like?.synthesis.speed ? { speed: like.synthesis.speed } : {},
  background: like?.background ? { ...like.background } : null,
  framing: like?.framing ?? null,
  pause_s: like?.pause_s ?? PAUSE_S,
  cues: null,
});

/** @returns {Script} */
export const newScript = () => ({
  avatar_id: null,
  model: null,
  scenes: [newScene()],
  format: {
    ratio: "source",
    width: 1080,
    height: 1920,
    resolution: null,
    quality: "standard",
    transparent_container: "webm",
  },
  background: { kind: "keep" },
  framing: "auto",
  subtitles: { files: true, burn: false, size: "medium", place: "auto", highlight: true, second_language: null },
  sound: { music: null },
  intro_asset_id: null,
  outro_asset_id: null,
  logo: null,
  restore: false,
  from_job_id: null,
});

/** The script of what was saved, by this page or by a program; what is missing has its default. @param {any} saved */
export function scriptFrom(saved) {
  const base = newScript();
  const given = saved && typeof saved === "object" ? saved : {};
  const known = Object.fromEntries(Object.entries(given).filter(([key, v]) => key in base && v !== null));
  /** @type {Script} */
  const script = { ...base, ...known };
  script.format = formatFrom(base.format, given.format);
  script.subtitles = subtitlesFrom(base.subtitles, given.subtitles);
  script.sound = { music: null, ...given.sound };
  if (script.sound.music) script.sound.music = { ...MUSIC, ...script.sound.music };
  if (script.logo) script.logo = { ...LOGO, ...script.logo };
  const scenes = Array.isArray(given.scenes) && given.scenes.length ? given.scenes : [sceneOfWhole(given)];
  script.scenes = scenes.map(sceneFrom);
  return script;
}

/** @param {any} saved @returns {Scene} */
const sceneFrom = (saved) => ({
  ...newScene(),
  ...saved,
  key: newKey(),
  text: saved.text ?? "",
  synthesis: saved.synthesis ?? {},
});

/** A request without scenes is one scene. @param {any} given */
const sceneOfWhole = ({ text, audio_asset_id, voice_id, language, synthesis }) => ({
  text: text ?? "",
  audio_asset_id: audio_asset_id ?? null,
  voice_id: voice_id ?? null,
  language: language ?? null,
  synthesis,
});

/** @param {import("./types.js").Format} base @param {any} given @returns {import("./types.js").Format} */
function formatFrom(base, given) {
  const { container, ratio, width, ...rest } = given ?? {};
  const known = Object.fromEntries(Object.entries(rest).filter(([key, v]) => key in base && v !== null));
  /** @type {Partial<import("./types.js").Format>} */
  const own = width ? { ratio: "own", width } : { ratio: ratio ?? base.ratio };
  const transparent = container && container !== "mp4" ? { transparent_container: container } : {};
  return { ...base, ...known, ...own, ...transparent };
}

/** @param {import("./types.js").Subtitles} base @param {any} given @returns {import("./types.js").Subtitles} */
function subtitlesFrom(base, given) {
  if (given === undefined || given === null) return base;
  if (typeof given === "boolean") return { ...base, files: given };
  return { ...base, ...given, files: given.files === undefined ? true : given.files.length > 0 };
}

/** Cuts a scene at a place in its text; both halves have the same speaker. @param {Scene} scene @param {number} at */
export function splitScene(scene, at) {
  const second = newScene(scene);
  second.text = scene.text.slice(at).trimStart();
  scene.text = scene.text.slice(0, at).trimEnd();
  scene.cues = null;
  return second;
}

/** @param {Scene} scene */
export const isRecording = (scene) => scene.audio_asset_id !== null;

/** Whether nothing is there to be said. @param {Scene} scene */
export const isEmpty = (scene) => (isRecording(scene) ? !scene.audio_asset_id : !scene.text.trim());

/** Characters of all texts. @param {Script} script */
export const countCharacters = ({ scenes }) =>
  scenes.reduce((sum, scene) => sum + (isRecording(scene) ? 0 : [...scene.text].length), 0);

const HAN_PER_S = 4.3; // what the built-in voices say at their usual speed
const LETTERS_PER_S = 15;

/** About how long a text takes, in seconds. @param {Scene} scene */
export function estimateSeconds({ text, synthesis }) {
  let pauses = 0;
  const words = text.replace(/\[pause ([\d.]+)\]/g, (_, s) => {
    pauses += Number(s) || 0;
    return "";
  });
  const han = words.match(/[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/g)?.length ?? 0;
  const letters = (words.match(/[\p{L}\p{N}]/gu)?.length ?? 0) - han;
  return (han / HAN_PER_S + letters / LETTERS_PER_S) / (synthesis.speed ?? 1) + pauses;
}

/** The first words, as a name. @param {Script} script */
export function firstWords({ scenes }) {
  const text = scenes.find((s) => s.text.trim())?.text.trim() ?? "";
  return [...text].slice(0, NAME_CHARS).join("");
}
