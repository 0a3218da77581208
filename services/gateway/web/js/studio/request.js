// @ts-check
// The request of `POST /videos` for a script.
import { countCharacters, isRecording, PAUSE_S } from "./script.js";

/** @typedef {import("./types.js").Script} Script */
/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("../core/types.js").AvatarChoice} AvatarChoice */
/** @typedef {{engine?: string, device?: string, max_side_px?: number}} RenderOptions */

/** Loudness of the sound: scenes are made equally loud unless something else was chosen. @param {Script} script */
export const loudnessOf = ({ sound, scenes }) =>
  sound.loudness_lufs === undefined ? (scenes.length > 1 ? -16 : null) : sound.loudness_lufs;

/** Whether the format is the source's own, as it is. @param {import("./types.js").Format} format */
export const isSourceFormat = ({ ratio, resolution, quality }) =>
  ratio === "source" && !resolution && quality === "standard";

/** Whether a script says only who says what. @param {Script} script @param {number} most characters of one text */
export function isPlain(script, most) {
  const [scene, ...others] = script.scenes;
  return (
    !others.length &&
    countCharacters(script) <= most &&
    !scene.cues &&
    !scene.background &&
    !scene.framing &&
    scene.pause_s === PAUSE_S &&
    isSourceFormat(script.format) &&
    script.background.kind === "keep" &&
    script.framing === "auto" &&
    !script.subtitles.burn &&
    !script.subtitles.second_language &&
    loudnessOf(script) === null &&
    !script.sound.music &&
    !script.intro_asset_id &&
    !script.outro_asset_id &&
    !script.logo
  );
}

/**
 * @param {Script} script @param {(scene: Scene) => AvatarChoice | null} personOf @param {RenderOptions} options
 * @param {number} most characters of one text
 */
export function requestOf(script, personOf, options, most) {
  if (isPlain(script, most)) return plainRequest(script, personOf(script.scenes[0]), options);
  const engines = new Set(script.scenes.map((scene) => personOf(scene)?.model?.engine ?? ""));
  const [engine] = engines.size === 1 ? engines : [""]; // models of several engines: each scene's model names its own
  const { max_side_px: _plain, ...others } = options; // the format says the size
  return {
    ...others,
    engine: engine || options.engine,
    scenes: script.scenes.map((scene) => sceneRequest(scene, personOf(scene))),
    ...wholeRequest(script),
    from_job_id: script.from_job_id ?? undefined,
  };
}

/** @param {Script} script @param {AvatarChoice | null} person @param {RenderOptions} options */
function plainRequest({ scenes: [scene], subtitles, restore }, person, options) {
  const synthesis = isRecording(scene) || !Object.keys(scene.synthesis).length ? undefined : scene.synthesis;
  return {
    ...personRequest(person),
    ...wordsRequest(scene),
    language: scene.language ?? undefined,
    synthesis,
    ...options,
    engine: person?.model?.engine ?? options.engine,
    subtitles: subtitles.files,
    restore: restore || undefined,
  };
}

/** @param {AvatarChoice | null} person */
const personRequest = (person) => ({ avatar_id: person?.avatar.id || undefined, model: person?.model?.id });

/** @param {Scene} scene */
const wordsRequest = (scene) =>
  isRecording(scene)
    ? { audio_asset_id: scene.audio_asset_id ?? undefined }
    : { text: scene.text.trim(), voice_id: scene.voice_id ?? undefined };

/** One scene. @param {Scene} scene @param {AvatarChoice | null} person */
export function sceneRequest(scene, person) {
  const speaks = !isRecording(scene) && Object.keys(scene.synthesis).length > 0;
  return {
    ...personRequest(person),
    ...wordsRequest(scene),
    language: scene.language ?? undefined,
    synthesis: speaks ? scene.synthesis : undefined,
    background: scene.background ?? undefined,
    framing: scene.framing ?? undefined,
    pause_s: scene.pause_s,
    cues: scene.cues ?? undefined,
  };
}

/** What is around the scenes. @param {Script} script */
function wholeRequest(script) {
  const { background, subtitles, sound, framing } = script;
  const { files, ...look } = subtitles;
  return {
    format: formatRequest(script),
    background: background.kind === "keep" ? undefined : background,
    framing: framing === "auto" ? undefined : framing,
    subtitles: { files: files ? ["srt", "vtt", "ass"] : [], ...look },
    sound: { loudness_lufs: loudnessOf(script), music: sound.music ?? undefined },
    intro_asset_id: script.intro_asset_id || undefined,
    outro_asset_id: script.outro_asset_id || undefined,
    logo: script.logo ?? undefined,
    restore: script.restore || undefined,
  };
}

/** @param {Script} script */
function formatRequest({ format, background }) {
  const { ratio, width, height, resolution, quality, transparent_container } = format;
  const container = background.kind === "transparent" ? transparent_container : undefined;
  const size = ratio === "own" ? { width, height } : { ratio, resolution: resolution ?? undefined };
  return isSourceFormat(format) && !container ? undefined : { ...size, quality, container };
}

/**
 * What is saved of a script: a request of the API, as far as it is finished.
 * @param {Script} script
 */
export function savedScript(script) {
  const scenes = script.scenes.map((scene) => ({
    ...scene,
    key: undefined,
    text: isRecording(scene) ? undefined : scene.text,
  }));
  const { files, ...look } = script.subtitles;
  return {
    ...script,
    scenes,
    format: formatRequest(script),
    subtitles: { files: files ? ["srt", "vtt", "ass"] : [], ...look },
  };
}
