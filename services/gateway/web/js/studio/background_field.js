// @ts-check
// What is behind the person: of the whole video, or of one scene.
import { select, field } from "../components/form.js";
import { fill, h } from "../core/dom.js";
import { formatPercent } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { assetField } from "./asset_field.js";
import { colourField, slider } from "./fields.js";

/** @typedef {import("./types.js").Background} Background */

const KINDS = /** @type {const} */ (["keep", "blur", "colour", "picture", "film"]);
const COLOUR = "#f4efe6";
const GREEN = "#00b140"; // what cloths for it are dyed with

/**
 * @param {string} label
 * @param {object} o
 * @param {Background | null} o.value
 * @param {boolean} o.whole
 * @param {AbortSignal} o.signal
 * @param {(value: Background | null) => void} o.onchange
 * `whole`: of the whole video, where it may be transparent; of a scene it may be left to the whole video
 */
export function backgroundField(label, { value, whole, signal, onchange }) {
  let now = value;
  const more = h("div", { class: "stack" });
  const set = (/** @type {Background | null} */ next) => {
    now = next;
    onchange(next);
  };
  const options = [
    ...(whole ? [] : [{ value: "", label: t("background.whole") }]),
    ...[...KINDS, ...(whole ? ["transparent"] : [])].map((k) => ({ value: k, label: t(`background.${k}`) })),
  ];
  const kind = select(options, now?.kind ?? (whole ? "keep" : ""), (chosen) => {
    set(firstOf(chosen, now?.key ?? null));
    draw();
  });
  function draw() {
    fill(more, ...(now ? detailFields(now, signal, (change) => now && set({ ...now, ...change })) : []));
    more.hidden = !more.childElementCount;
  }
  draw();
  return h("div", { class: "stack" }, field(label, kind), more);
}

/** A background as it is first shown. @param {string} kind @param {string | null} key @returns {Background | null} */
function firstOf(kind, key) {
  const keyed = key ? { key } : {};
  if (!kind) return null;
  if (kind === "blur") return { kind, strength: 0.5, ...keyed };
  if (kind === "colour") return { kind, colour: COLOUR, ...keyed };
  if (kind === "picture" || kind === "film") return { kind, asset_id: "", ...keyed };
  return kind === "transparent" ? { kind, ...keyed } : { kind: "keep" };
}

/** @param {Background} now @param {AbortSignal} signal @param {(change: Partial<Background>) => void} set */
function detailFields(now, signal, set) {
  const { kind, strength = 0.5, colour = COLOUR, asset_id = "" } = now;
  if (kind === "keep") return [];
  const fields = [];
  if (kind === "blur") {
    const words = (/** @type {number} */ n) => formatPercent(n);
    const onchange = (/** @type {number} */ n) => set({ strength: n });
    const range = { min: 0.1, max: 1, step: 0.1 };
    fields.push(slider(t("background.strength"), { ...range, value: strength, words, onchange }));
  }
  if (kind === "colour") fields.push(colourField(t("background.colour.pick"), colour, (c) => set({ colour: c })));
  if (kind === "picture" || kind === "film") {
    const onchange = (/** @type {{id: string} | null} */ asset) => set({ asset_id: asset?.id ?? "" });
    const what = kind === "picture" ? "image" : "video";
    fields.push(assetField(t(`background.file.${kind}`), { kind: what, id: asset_id, signal, onchange }));
  }
  return [...fields, keyFields(now, set)];
}

/** How the person is told from it. @param {Background} now @param {(change: Partial<Background>) => void} set */
function keyFields({ key = null }, set) {
  const place = h("div", null);
  const draw = (/** @type {string | null} */ chosen) =>
    fill(place, chosen && chosen !== "auto" ? colourField(t("key.colour.pick"), chosen, (c) => set({ key: c })) : null);
  const options = ["", "auto", "colour"].map((v) => ({ value: v, label: t(`key.${v || "network"}`) }));
  const pick = (/** @type {string} */ chosen) => {
    const value = chosen === "colour" ? GREEN : chosen || null;
    set({ key: value });
    draw(value);
  };
  draw(key);
  const shown = key && key !== "auto" ? "colour" : (key ?? "");
  return h("div", { class: "stack" }, field(t("key"), select(options, shown, pick)), place);
}
