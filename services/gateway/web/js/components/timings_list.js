// @ts-check
// The measured times of a job.
import { h } from "../core/dom.js";
import { formatMilliseconds } from "../core/format.js";
import { t } from "../i18n/translate.js";

const TIMING_NAMES = [
  "queued",
  "asr",
  "llm_first_token",
  "llm",
  "tts_first_audio",
  "tts",
  "render_first_frame",
  "render",
  "first_video",
  "first_heard",
  "total",
];

/** Every measured time of one job. @param {import("../core/types.js").Timings} timings */
export const timingsList = (timings) =>
  h(
    "dl",
    { class: "facts-list num" },
    ...TIMING_NAMES.filter((k) => timings[k] !== undefined).flatMap((k) => [
      h("dt", null, t(`timing.${k}`)),
      h("dd", null, formatMilliseconds(timings[k])),
    ]),
  );
