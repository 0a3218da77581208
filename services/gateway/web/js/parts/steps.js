// @ts-check
// Hear, think, speak, perform: four steps of a turn that light up as they happen, each with its time.
import { fill, h, icon } from "../core/dom.js";
import { took } from "../core/format.js";
import { t } from "../core/i18n.js";

/** @typedef {import("../core/types.js").Timings} Timings */
/** @typedef {"waiting" | "now" | "done" | "skipped"} StepState */

/** Each step: name, icon, its whole time, its first sign of life, and what must be there before it can begin. */
const STEPS = /** @type {const} */ ([
  ["asr", "ear", "asr", "", ""],
  ["llm", "think", "llm", "llm_first_token", "asr"],
  ["tts", "speak", "tts", "tts_first_audio", "llm_first_token"],
  ["render", "perform", "render", "render_first_frame", "tts_first_audio"],
]);

/**
 * Where each step stands. Stages overlap: the next begins with the first piece of the one before.
 * @param {Timings} timings @param {{typed: boolean, running: boolean, stage: string}} turn
 * @returns {{step: string, state: StepState, ms: number | undefined}[]}
 */
export function stepStates(timings, { typed, running, stage }) {
  return STEPS.map(([step, , whole, first, before]) => {
    if (step === "asr" && typed) return { step, state: "skipped", ms: undefined };
    if (timings[whole] !== undefined) return { step, state: "done", ms: timings[whole] };
    const begun =
      stage === step ||
      (first !== "" && timings[first] !== undefined) ||
      (before !== "" && timings[before] !== undefined);
    return { step, state: running && begun ? "now" : "waiting", ms: first ? timings[first] : undefined };
  });
}

/** @returns {{el: HTMLElement, set: (timings: Timings, turn: {typed: boolean, running: boolean, stage: string}) => void}} */
export function steps() {
  const el = h("ol", { class: "steps", "aria-label": t("steps") });
  const items = STEPS.map(([step, picture]) => {
    const time = h("span", { class: "num ms" });
    const item = h("li", { "data-step": step }, icon(picture, "small"), h("span", null, t(`step.${step}`)), time);
    el.append(item);
    return { item, time };
  });
  const set = (/** @type {Timings} */ timings, /** @type {{typed: boolean, running: boolean, stage: string}} */ turn) =>
    stepStates(timings, turn).forEach(({ step, state, ms }, i) => {
      const { item, time } = items[i];
      item.className = state;
      const first = timings[STEPS[i][3]];
      item.title = [
        t(`step.${step}.help`),
        t(`step.${state}`),
        first !== undefined ? t("step.first", { time: took(first) }) : "",
      ]
        .filter(Boolean)
        .join(" · ");
      fill(time, state === "skipped" ? t("step.typed") : ms !== undefined ? took(ms) : "");
    });
  return { el, set };
}
