// @ts-check
// Form, size, framing and background of the picture, beside a sketch of it.
import { field, select } from "../components/form.js";
import { fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { backgroundField } from "./background_field.js";
import { choices, numberField } from "./fields.js";
import { framePreview } from "./frame_preview.js";
import { restorerField } from "./restorer_field.js";

/** @typedef {import("./types.js").Studio} Studio */
/** @typedef {import("./types.js").Format} Format */

const RATIOS = /** @type {const} */ (["source", "9:16", "1:1", "16:9", "4:5", "own"]);
const FRAMINGS = /** @type {const} */ (["auto", "head", "bust", "whole"]);
const SIDES_PX = [720, 1080];
const LEAST_PX = 64;
const MOST_PX = 3840;

/** @param {import("./types.js").Script} script */
export function pictureWords({ format, background, framing, restore }) {
  const { ratio, width, height, resolution, quality } = format;
  const words = [
    ratio === "own" ? `${width} × ${height}` : ratio === "source" ? t("format.source") : ratio,
    resolution && ratio !== "own" ? `${resolution}p` : "",
    quality === "standard" ? "" : t(`quality.${quality}`),
    framing === "auto" ? "" : t(`framing.${framing}`),
    background.kind === "keep" ? "" : t(`background.${background.kind}`),
    restore ? t("restore") : "",
  ];
  return words.filter(Boolean).join(" · ");
}

/** @param {Studio} studio */
export function pictureOptions(studio) {
  const { script, signal } = studio;
  const size = h("div", { class: "grid" });
  const container = h("div", null);
  const set = (/** @type {Partial<Format>} */ change) => {
    Object.assign(script.format, change);
    studio.changed();
  };
  const drawSize = () => fill(size, ...sizeFields(script.format, set), qualityField(script.format, set));
  const drawContainer = () =>
    fill(container, script.background.kind === "transparent" ? containerField(script.format, set) : null);
  const ratios = RATIOS.map((value) => ({ value, label: t(`format.${value}`), picture: shape(value) }));
  const ratio = choices(t("format"), ratios, script.format.ratio, (chosen) => {
    const isFree = chosen === "source" || chosen === "own";
    set({ ratio: chosen, resolution: isFree ? null : (script.format.resolution ?? 1080) });
    drawSize();
  });
  ratio.classList.add("ratios");
  const framings = FRAMINGS.map((v) => ({ value: v, label: t(`framing.${v}`) }));
  const framing = select(framings, script.framing, (v) => {
    script.framing = /** @type {typeof script.framing} */ (v);
    studio.changed();
  });
  const background = backgroundField(t("background"), {
    value: script.background,
    whole: true,
    signal,
    onchange: (value) => {
      if (value) script.background = value;
      drawContainer();
      studio.changed();
    },
  });
  drawSize();
  drawContainer();
  const around = h("div", { class: "grid" }, field(t("framing"), framing), background);
  const restorer = restorerField(script.restore, studio.signal, (on) => {
    script.restore = on;
    studio.changed();
  });
  const controls = h("div", { class: "stack" }, ratio, size, around, container, restorer);
  return h("div", { class: "picture" }, controls, framePreview(studio));
}

/** The outline of a form. @param {string} ratio */
function shape(ratio) {
  const [across, down] = ratio.split(":").map(Number);
  if (!down) return null;
  const long = 16;
  const scale = long / Math.max(across, down);
  const style = { width: `${across * scale}px`, height: `${down * scale}px` };
  return h("span", { class: "ratio-shape", "aria-hidden": "true", style });
}

/** @param {Format} format @param {(change: Partial<Format>) => void} set */
function sizeFields({ ratio, width, height, resolution }, set) {
  if (ratio === "own") {
    const limits = { min: LEAST_PX, max: MOST_PX, step: 2 };
    return [
      numberField(t("format.width"), { ...limits, value: width, onchange: (n) => set({ width: n }) }),
      numberField(t("format.height"), { ...limits, value: height, onchange: (n) => set({ height: n }) }),
    ];
  }
  const options = SIDES_PX.map((n) => ({ value: String(n), label: t("format.side", { n }) }));
  if (ratio === "source") options.unshift({ value: "", label: t("format.side.source") });
  const pick = (/** @type {string} */ v) => set({ resolution: v ? Number(v) : null });
  return [field(t("format.resolution"), select(options, resolution ? String(resolution) : "", pick))];
}

/** @param {Format} format @param {(change: Partial<Format>) => void} set */
function qualityField({ quality }, set) {
  const options = ["draft", "standard", "high"].map((v) => ({ value: v, label: t(`quality.${v}`) }));
  const pick = (/** @type {string} */ v) => set({ quality: /** @type {Format["quality"]} */ (v) });
  return field(t("quality"), select(options, quality, pick));
}

/** @param {Format} format @param {(change: Partial<Format>) => void} set */
function containerField({ transparent_container }, set) {
  const options = ["webm", "mov"].map((v) => ({ value: v, label: t(`container.${v}`) }));
  const pick = (/** @type {string} */ v) =>
    set({ transparent_container: /** @type {Format["transparent_container"]} */ (v) });
  return field(t("container"), select(options, transparent_container, pick), t("container.help"));
}
