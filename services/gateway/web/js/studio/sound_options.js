// @ts-check
// Loudness, and music beneath the speech.
import { field, select } from "../components/form.js";
import { fill, h } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { assetField } from "./asset_field.js";
import { numberField, slider } from "./fields.js";
import { loudnessOf } from "./request.js";
import { MUSIC } from "./script.js";

/** @typedef {import("./types.js").Studio} Studio */
/** @typedef {import("./types.js").Music} Music */

const MOST_FADE_S = 30;

/** With a real minus. @param {number} n */
const signed = (n) => `${n < 0 ? "−" : ""}${formatNumber(Math.abs(n), 1)}`;
const lufs = (/** @type {number} */ n) => `${signed(n)} LUFS`;

/** @param {import("./types.js").Script} script */
export function soundWords(script) {
  const loudness = loudnessOf(script);
  const words = [
    loudness === null ? t("sound.as_spoken") : lufs(loudness),
    script.sound.music ? t("sound.with_music") : "",
  ];
  return words.filter(Boolean).join(" · ");
}

/** @param {Studio} studio */
export function soundOptions(studio) {
  const { script, signal } = studio;
  const place = h("div", { class: "grid" });
  const drawLoudness = () => {
    const loudness = loudnessOf(script);
    const options = [-16, -14, null].map((v) => ({ value: String(v ?? ""), label: t(`sound.loudness.${v ?? "as"}`) }));
    const pick = (/** @type {string} */ v) => {
      script.sound.loudness_lufs = v ? Number(v) : null;
      studio.changed();
    };
    const given = loudness === null ? "" : String(loudness);
    if (given && !options.some((o) => o.value === given)) options.push({ value: given, label: lufs(Number(given)) });
    fill(place, field(t("sound.loudness"), select(options, given, pick)));
  };
  const levels = h("div", { class: "grid" });
  const drawLevels = () => fill(levels, ...(script.sound.music ? musicFields(script.sound.music, studio) : []));
  const music = assetField(t("sound.music"), {
    kind: "audio",
    id: script.sound.music?.asset_id ?? "",
    signal,
    help: t("sound.music.help"),
    onchange: (asset) => {
      script.sound.music = asset ? { ...MUSIC, ...script.sound.music, asset_id: asset.id } : null;
      drawLevels();
      studio.changed();
    },
  });
  let count = 0;
  studio.watch(() => {
    if (count === script.scenes.length) return; // one scene is as spoken unless something else was chosen
    count = script.scenes.length;
    drawLoudness();
  });
  drawLoudness();
  drawLevels();
  return h("div", { class: "stack" }, place, music, levels);
}

/** @param {Music} music @param {Studio} studio */
function musicFields(music, studio) {
  const set = (/** @type {Partial<Music>} */ change) => {
    Object.assign(music, change);
    studio.changed();
  };
  const decibels = (/** @type {number} */ n) => `${signed(n)} dB`;
  const fade = { min: 0, max: MOST_FADE_S, step: 0.5 };
  return [
    slider(t("music.level"), {
      min: -40,
      max: 0,
      step: 1,
      value: music.level_db,
      words: decibels,
      onchange: (level_db) => set({ level_db }),
    }),
    slider(t("music.duck"), {
      min: 0,
      max: 40,
      step: 1,
      value: music.duck_db,
      words: decibels,
      onchange: (duck_db) => set({ duck_db }),
    }),
    numberField(t("music.fade_in"), { ...fade, value: music.fade_in_s, onchange: (fade_in_s) => set({ fade_in_s }) }),
    numberField(t("music.fade_out"), {
      ...fade,
      value: music.fade_out_s,
      onchange: (fade_out_s) => set({ fade_out_s }),
    }),
  ];
}
