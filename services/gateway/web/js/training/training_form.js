// @ts-check
// The form that starts a training: the clip with its checks, and the options.

import { field, select } from "../components/form.js";
import { note } from "../components/layout.js";
import { problemCard } from "../components/problem_card.js";
import { button, fill, h, icon } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { hasText, t } from "../i18n/translate.js";
import { consentChoice } from "../consent/consent_choice.js";
import { clipChecks, clipFacts } from "./clip_checks.js";

/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {import("../core/types.js").Device} Device */
/** @typedef {import("../core/types.js").Engine} Engine */
/** @typedef {import("./clip_checks.js").Check} Check */
/** @typedef {{engine: string, steps: number, device?: string, name: string, consent?: object}} TrainingParams */
/**
 * @typedef {object} FormOptions
 * @property {Asset} clip
 * @property {Engine[]} engines that can train
 * @property {import("../core/types.js").TrainingClip | null} lengths of a good clip, where no engine can train
 * @property {Device[]} devices
 * @property {(params: TrainingParams) => Promise<void>} start
 * @property {() => void} back the user wants another clip
 */
const DEFAULT_STEPS = 5000;
const ADVISED_STEPS = [3000, 10000];

/** @param {FormOptions} options @returns {HTMLFormElement} */
export function trainingForm({ clip, engines, lengths, devices, start, back }) {
  const problem = h("div", null);
  const consent = consentChoice({ face: true });
  const checks = h("ul", { class: "checks" });
  const go = /** @type {HTMLButtonElement} */ (
    h(
      "button",
      {
        class: "button primary large",
        type: "submit",
        "aria-describedby": engines.length ? null : "training-why",
      },
      icon("training"),
      t("training.start"),
    )
  );
  const fields = trainingFields(clip, engines, devices, (engine) => {
    const found = clipChecks(clip, engine?.training_clip ?? lengths);
    fill(checks, ...found.map(checkItem));
    go.disabled = !engines.length || found.some((c) => c.state === "bad");
  });
  const submit = async (/** @type {Event} */ e) => {
    e.preventDefault();
    go.disabled = true;
    try {
      await start({ ...fields.values(), ...consent.field() });
    } catch (error) {
      fill(problem, problemCard(error));
      consent.refused(error);
      go.disabled = false;
    }
  };
  const why = engines.length ? null : h("p", { class: "small-text muted", id: "training-why" }, t("training.why"));
  const other = button({ icon: "swap", label: t("file.other"), kind: "small", onclick: back });
  const player = { controls: true, playsinline: true, preload: "metadata", "aria-label": clip.name };
  return h(
    "form",
    { class: "card train-clip", on: { submit } },
    h("video", { src: clip.url, ...player }),
    h(
      "div",
      { class: "stack" },
      h("div", { class: "row apart" }, h("h2", { class: "clip" }, clip.name), other),
      clipFacts(clip),
      checks,
      h("p", { class: "small-text muted" }, t("check.later")),
      ...fields.elements,
      consent.el,
      h("div", { class: "row wrap" }, go, why),
      problem,
    ),
  );
}

/** @param {Check} check */
const checkItem = ({ key, state, text }) =>
  h("li", { class: state, "data-check": key }, icon(state === "good" ? "check" : "alert"), h("span", null, text));

/**
 * Name, steps, engine and device.
 * @param {Asset} clip @param {Engine[]} engines @param {Device[]} devices
 * @param {(engine: Engine | undefined) => void} onengine called with the chosen engine
 */
function trainingFields(clip, engines, devices, onengine) {
  let engine = engines[0]?.name ?? "";
  let device = "";
  const key = `draft.training.${clip.id}`;
  /** What was entered before a reload. @type {{name?: string, steps?: string}} */
  const draft = loadPreference(key, {});
  const keep = { input: () => savePreference(key, { name: name.value, steps: steps.value }) };
  const clipName = draft.name ?? clip.name.replace(/\.[^.]+$/, "");
  const name = h("input", { class: "input", maxlength: 60, required: true, value: clipName, on: keep });
  const range = { type: "number", min: 100, max: 100000, step: 100, required: true };
  const steps = h("input", { class: "input num", ...range, value: String(DEFAULT_STEPS), on: keep });
  const stepsHelp = h("span", null);
  const caution = h("div", null);
  /** Applies what an engine recommends. @param {string} chosen */
  function chooseEngine(chosen) {
    engine = chosen;
    const found = engines.find((e) => e.name === chosen);
    const usual = found?.default_steps || DEFAULT_STEPS;
    onengine(found);
    const [from, to] = ADVISED_STEPS.map((n) => formatNumber(n));
    steps.value = String(usual);
    fill(
      stepsHelp,
      usual === DEFAULT_STEPS
        ? t("training.steps.help", { from, to })
        : t("training.steps.usual", { n: formatNumber(usual) }),
    );
    const care = `training.care.${chosen}`;
    fill(caution, hasText(care) ? note(t(care), { kind: "warn", icon: "alert" }) : null);
  }
  const engineOptions = engines.map((e) => ({ value: e.name, label: e.name }));
  const deviceOptions = devices.map((d) => ({ value: d.device, label: d.name }));
  const automatic = { value: "", label: t("how.auto") };
  const engineSelect = () => select(engineOptions, engine, chooseEngine);
  const deviceSelect = select([automatic, ...deviceOptions], "", (v) => (device = v));
  const grid = h(
    "div",
    { class: "grid" },
    field(t("training.name"), name),
    field(t("training.steps"), steps, stepsHelp),
    engines.length > 1 ? field(t("how.engine"), engineSelect()) : null,
    field(t("how.device"), deviceSelect),
  );
  chooseEngine(engine);
  if (draft.steps) steps.value = draft.steps;
  return {
    elements: [grid, caution],
    /** @returns {TrainingParams} */
    values: () => ({ engine, steps: Number(steps.value), device: device || undefined, name: name.value.trim() }),
  };
}
