// @ts-check
// Subtitles: files beside the video, words in the picture, a second language.
import { field, select } from "../components/form.js";
import { fill, h } from "../core/dom.js";
import { fetchCanTranslate } from "../core/server_state.js";
import { t, term } from "../i18n/translate.js";
import { checkbox } from "./fields.js";

/** @typedef {import("./types.js").Studio} Studio */
/** @typedef {import("./types.js").Subtitles} Subtitles */

const LANGUAGES = ["en", "zh", "ja", "ko", "fr", "es", "de", "pt", "ru", "it"];

/** @param {import("./types.js").Script} script */
export function captionWords({ subtitles }) {
  const { files, burn, second_language } = subtitles;
  const words = [
    files ? t("captions.files.short") : "",
    burn ? t("captions.burn.short") : "",
    second_language ? term("language", second_language) : "",
  ];
  return words.filter(Boolean).join(" · ") || t("captions.none");
}

/** @param {Studio} studio */
export function captionOptions(studio) {
  const { subtitles } = studio.script;
  const look = h("div", { class: "grid" });
  const second = h("div", null);
  const set = (/** @type {Partial<Subtitles>} */ change) => {
    Object.assign(subtitles, change);
    studio.changed();
  };
  const drawLook = () => fill(look, ...(subtitles.burn ? lookFields(subtitles, set) : []));
  drawLook();
  secondLanguage(subtitles, set).then(
    (field) => fill(second, field),
    () => fill(second, h("p", { class: "small-text muted" }, t("captions.second.unknown"))),
  );
  const burn = (/** @type {boolean} */ on) => {
    set({ burn: on });
    drawLook();
  };
  return h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "row wrap checks" },
      checkbox(t("captions.files"), subtitles.files, (files) => set({ files })),
      checkbox(t("captions.burn"), subtitles.burn, burn),
    ),
    look,
    second,
    h("p", { class: "small-text muted" }, t("captions.edit")),
  );
}

/** @param {Subtitles} subtitles @param {(change: Partial<Subtitles>) => void} set */
function lookFields({ size, place, highlight }, set) {
  const options = (/** @type {string} */ prefix, /** @type {string[]} */ values) =>
    values.map((value) => ({ value, label: t(`${prefix}.${value}`) }));
  const sizes = select(options("captions.size", ["small", "medium", "large"]), size, (v) =>
    set({ size: /** @type {Subtitles["size"]} */ (v) }),
  );
  const places = select(options("captions.place", ["auto", "bottom", "top"]), place, (v) =>
    set({ place: /** @type {Subtitles["place"]} */ (v) }),
  );
  return [
    field(t("captions.size"), sizes),
    field(t("captions.place"), places),
    checkbox(t("captions.highlight"), highlight, (on) => set({ highlight: on })),
  ];
}

/** @param {Subtitles} subtitles @param {(change: Partial<Subtitles>) => void} set */
async function secondLanguage({ second_language }, set) {
  const canTranslate = await fetchCanTranslate();
  if (!canTranslate && !second_language) return h("p", { class: "small-text muted" }, t("captions.second.none"));
  const options = [
    { value: "", label: t("captions.second.off") },
    ...LANGUAGES.map((value) => ({ value, label: term("language", value) })),
  ];
  const pick = (/** @type {string} */ v) => set({ second_language: v || null });
  const help = t(canTranslate ? "captions.second.help" : "captions.second.none");
  return field(t("captions.second"), select(options, second_language ?? "", pick), help);
}
