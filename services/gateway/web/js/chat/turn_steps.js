// @ts-check
// The four steps of a turn (recognition, language model, speech synthesis, rendering) with their states and times.
import { fill, h, icon } from "../core/dom.js";
import { formatMilliseconds } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Timings} Timings */
/** @typedef {{typed: boolean, running: boolean, stage: string}} TurnState */
/** @typedef {"waiting" | "now" | "done" | "skipped"} StepState */

/** Each step: name, icon, timing of the whole step, timing of its first result, and the timing that it waits for. */
const STEPS = /** @type {const} */ ([
  ["asr", "ear", "asr", "", ""],
  ["llm", "think", "llm", "llm_first_token", "asr"],
  ["tts", "speak", "tts", "tts_first_audio", "llm_first_token"],
  ["render", "perform", "render", "render_first_frame", "tts_first_audio"],
]);

/**
 * The state of each step. Steps overlap: a step begins with the first result of the one before.
 * @param {Timings} timings @param {TurnState} turn
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

/** @returns {{el: HTMLElement, set: (timings: Timings, turn: TurnState) => void}} */
export function turnSteps() {
  const el = h("ol", { class: "steps", "aria-label": t("steps") });
  const items = STEPS.map(([step, picture]) => {
    const time = h("span", { class: "num ms" });
    const item = h("li", { "data-step": step }, icon(picture, "small"), h("span", null, t(`step.${step}`)), time);
    el.append(item);
    return { item, time };
  });
  const set = (/** @type {Timings} */ timings, /** @type {TurnState} */ turn) =>
    stepStates(timings, turn).forEach(({ step, state, ms }, i) => {
      const { item, time } = items[i];
      item.className = state;
      const first = timings[STEPS[i][3]];
      item.title = [
        t(`step.${step}.help`),
        t(`step.${state}`),
        first !== undefined ? t("step.first", { time: formatMilliseconds(first) }) : "",
      ]
        .filter(Boolean)
        .join(" · ");
      fill(time, state === "skipped" ? t("step.typed") : ms !== undefined ? formatMilliseconds(ms) : "");
    });
  return { el, set };
}
