// @ts-check
// Films before and after the scenes, and a logo in a corner.
import { field, select } from "../components/form.js";
import { fill, h } from "../core/dom.js";
import { formatPercent } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { assetField } from "./asset_field.js";
import { slider } from "./fields.js";
import { LOGO } from "./script.js";

/** @typedef {import("./types.js").Studio} Studio */
/** @typedef {import("./types.js").Logo} Logo */

const CORNERS = /** @type {const} */ (["top-left", "top-right", "bottom-left", "bottom-right"]);

/** @param {import("./types.js").Script} script */
export function edgeWords({ intro_asset_id, outro_asset_id, logo }) {
  const words = [intro_asset_id ? t("edge.intro") : "", outro_asset_id ? t("edge.outro") : "", logo ? t("logo") : ""];
  return words.filter(Boolean).join(" · ") || t("edge.none");
}

/** @param {Studio} studio */
export function edgeOptions(studio) {
  const { script, signal } = studio;
  const film = (/** @type {"intro_asset_id" | "outro_asset_id"} */ which, /** @type {string} */ label) =>
    assetField(label, {
      kind: "video",
      id: script[which] ?? "",
      signal,
      onchange: (asset) => {
        script[which] = asset?.id ?? null;
        studio.changed();
      },
    });
  const look = h("div", { class: "grid" });
  const drawLook = () => fill(look, ...(script.logo ? logoFields(script.logo, studio) : []));
  const picture = assetField(t("logo"), {
    kind: "image",
    id: script.logo?.asset_id ?? "",
    signal,
    help: t("logo.help"),
    onchange: (asset) => {
      script.logo = asset ? { ...LOGO, ...script.logo, asset_id: asset.id } : null;
      drawLook();
      studio.changed();
    },
  });
  drawLook();
  const films = h(
    "div",
    { class: "grid" },
    film("intro_asset_id", t("edge.intro")),
    film("outro_asset_id", t("edge.outro")),
  );
  const notAround = h("p", { class: "small-text muted" }, t("edge.transparent"));
  const showNote = () => (notAround.hidden = script.background.kind !== "transparent");
  studio.watch(showNote);
  showNote();
  return h("div", { class: "stack" }, films, notAround, picture, look);
}

/** @param {Logo} logo @param {Studio} studio */
function logoFields(logo, studio) {
  const set = (/** @type {Partial<Logo>} */ change) => {
    Object.assign(logo, change);
    studio.changed();
  };
  const corners = CORNERS.map((value) => ({ value, label: t(`corner.${value}`) }));
  const pick = (/** @type {string} */ v) => set({ corner: /** @type {Logo["corner"]} */ (v) });
  return [
    field(t("logo.corner"), select(corners, logo.corner, pick)),
    slider(t("logo.width"), {
      min: 0.02,
      max: 0.5,
      step: 0.01,
      value: logo.width,
      words: (n) => formatPercent(n),
      onchange: (width) => set({ width }),
    }),
    slider(t("logo.opacity"), {
      min: 0.05,
      max: 1,
      step: 0.05,
      value: logo.opacity,
      words: (n) => formatPercent(n),
      onchange: (opacity) => set({ opacity }),
    }),
  ];
}
