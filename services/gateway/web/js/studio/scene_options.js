// @ts-check
// What a scene has of its own: person, language, speed, pause, framing and background, folded.
import { fold } from "../components/fold.js";
import { field, select } from "../components/form.js";
import { fill, h } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { fetchVoices } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { languageName } from "../voices/voice_labels.js";
import { backgroundField } from "./background_field.js";
import { numberField, slider } from "./fields.js";
import { isRecording, PAUSE_S } from "./script.js";

/** @typedef {import("./types.js").Scene} Scene */
/** @typedef {import("./types.js").Studio} Studio */

const FRAMINGS = /** @type {const} */ (["auto", "head", "bust", "whole"]);
const MAX_PAUSE_S = 10;

/** What was chosen, in words: the fold tells it while it is closed. @param {Scene} scene @param {Studio} studio */
function chosenWords(scene, studio) {
  const person = scene.avatar_id || scene.model ? studio.personOf(scene)?.name : "";
  const { speed = 1 } = scene.synthesis;
  const words = [
    person,
    scene.language ? languageName(scene.language) : "",
    speed === 1 || isRecording(scene) ? "" : t("scene.speed.n", { n: formatNumber(speed, 2) }),
    scene.background ? t(`background.${scene.background.kind}`) : "",
    scene.framing ? t(`framing.${scene.framing}`) : "",
    scene.pause_s === PAUSE_S ? "" : t("scene.pause.n", { n: formatNumber(scene.pause_s, 1) }),
  ];
  return words.filter(Boolean).join(" · ");
}

/**
 * @param {Scene} scene @param {Studio} studio @param {() => void} onchange something other than the words has changed
 * @returns {{el: HTMLElement, draw: () => void}}
 */
export function sceneOptions(scene, studio, onchange) {
  const inside = h("div", { class: "inside" });
  const chosen = h("span", { class: "small-text muted clip" });
  const el = fold([h("span", null, t("scene.options")), chosen], inside);
  el.classList.add("scene-options");
  const draw = () => (chosen.textContent = chosenWords(scene, studio));
  const set = (/** @type {Partial<Scene>} */ change) => {
    Object.assign(scene, change);
    draw();
    onchange();
  };
  // drawn when it is opened: a script may have two hundred scenes
  el.addEventListener("toggle", () => el.open && fill(inside, optionFields(scene, studio, set)));
  draw();
  return { el, draw };
}

/** @param {Scene} scene @param {Studio} studio @param {(change: Partial<Scene>) => void} set */
function optionFields(scene, studio, set) {
  const framings = ["", ...FRAMINGS].map((v) => ({ value: v, label: t(`framing.${v || "as_whole"}`) }));
  return h(
    "div",
    { class: "grid" },
    personField(scene, studio, set),
    isRecording(scene) ? null : languageField(scene, set),
    isRecording(scene) ? null : speedField(scene, set),
    numberField(t("scene.pause"), {
      min: 0,
      max: MAX_PAUSE_S,
      step: 0.1,
      value: scene.pause_s,
      onchange: (pause_s) => set({ pause_s }),
    }),
    field(
      t("framing"),
      select(framings, scene.framing ?? "", (v) => set({ framing: /** @type {Scene["framing"]} */ (v || null) })),
    ),
    backgroundField(t("background"), {
      value: scene.background,
      whole: false,
      signal: studio.signal,
      onchange: (background) => set({ background }),
    }),
  );
}

/** @param {Scene} scene @param {Studio} studio @param {(change: Partial<Scene>) => void} set */
function personField(scene, studio, set) {
  const all = studio.choices();
  const whole = studio.personOf({ ...scene, avatar_id: null, model: null });
  const options = [
    { value: "", label: t("scene.person.whole", { name: whole?.name ?? "…" }) },
    ...all.map(({ key, name, model }) => ({
      value: key,
      label: model ? t("scene.person.trained", { name }) : name,
    })),
  ];
  const mine = all.find((c) => c.avatar.id === (scene.avatar_id ?? "") && c.model?.id === (scene.model ?? undefined));
  const pick = (/** @type {string} */ key) => {
    const choice = all.find((c) => c.key === key);
    set({ avatar_id: choice?.avatar.id || null, model: choice?.model?.id ?? null });
  };
  return field(t("scene.person"), select(options, mine?.key ?? "", pick));
}

/** @param {Scene} scene @param {(change: Partial<Scene>) => void} set */
function languageField(scene, set) {
  const place = h("div", null);
  const draw = (/** @type {string[]} */ languages) => {
    const options = [
      { value: "", label: t("scene.language.auto") },
      ...languages.map((value) => ({ value, label: languageName(value) })),
    ];
    const pick = (/** @type {string} */ v) => set({ language: v || null });
    fill(place, field(t("scene.language"), select(options, scene.language ?? "", pick)));
  };
  const base = scene.language ? [scene.language] : [];
  draw(base);
  fetchVoices().then(
    (all) => draw([...new Set([...base, ...all.map((v) => v.language.split("-")[0])])]),
    () => {}, // the voice picker shows why there are none
  );
  return place;
}

/** @param {Scene} scene @param {(change: Partial<Scene>) => void} set */
const speedField = (scene, set) =>
  slider(t("scene.speed"), {
    min: 0.5,
    max: 2,
    step: 0.05,
    value: scene.synthesis.speed ?? 1,
    words: (n) => t("scene.speed.times", { n: formatNumber(n, 2) }),
    onchange: (speed) => {
      const { speed: _before, ...others } = scene.synthesis;
      set({ synthesis: speed === 1 ? others : { ...others, speed } });
    },
  });
