// @ts-check
// About how long the video will be, and how many of the characters that the server takes are used.
import { h, setText } from "../core/dom.js";
import { formatClock, formatNumber } from "../core/format.js";
import { latestSystem, watchSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { fetchAsset } from "./asset_field.js";
import { countCharacters, estimateSeconds, isEmpty, isRecording } from "./script.js";

/** @typedef {import("./types.js").Scene} Scene */

const DEFAULT_SCRIPT_CHARS = 50_000;

/** Most characters of all scenes together. */
export const characterLimit = () => latestSystem()?.limits.script_chars ?? DEFAULT_SCRIPT_CHARS;

/** @param {import("./types.js").Studio} studio */
export function lengthAndCount(studio) {
  const count = h("span", { class: "num" });
  const length = h("span", { class: "num" });
  const { script } = studio;
  const draw = async () => {
    const limit = characterLimit();
    const n = countCharacters(script);
    setText(count, t("video.count", { n: formatNumber(n), limit: formatNumber(limit) }));
    count.classList.toggle("over", n > limit);
    const lengths = await Promise.all([...script.scenes.map(secondsOf), ...edges(script)]);
    const pauses = script.scenes.length > 1 ? script.scenes.map((s) => s.pause_s) : [];
    const s = [...lengths, ...pauses].reduce((sum, x) => sum + x, 0);
    setText(length, script.scenes.every(isEmpty) ? "" : t("scene.total", { time: formatClock(s) }));
  };
  studio.watch(() => void draw());
  watchSystem(studio.signal, () => void draw());
  void draw();
  return h("p", { class: "row wrap small-text muted totals" }, length, count);
}

/** @param {string | null} id @returns {Promise<number>} seconds */
const lengthOfFile = async (id) => (id ? ((await fetchAsset(id).catch(() => null))?.duration_s ?? 0) : 0);

/** @param {Scene} scene */
const secondsOf = (scene) => (isRecording(scene) ? lengthOfFile(scene.audio_asset_id) : estimateSeconds(scene));

/** @param {import("./types.js").Script} script */
const edges = ({ intro_asset_id, outro_asset_id }) => [lengthOfFile(intro_asset_id), lengthOfFile(outro_asset_id)];
