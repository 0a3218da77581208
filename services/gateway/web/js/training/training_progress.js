// @ts-check
// A running training: findings in the clip, the loss, the mouth curve, and the preview.
import { lineChart } from "../components/line_chart.js";
import { fill, h, setText } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { jobProgress } from "../jobs/job_progress.js";
import * as jobs from "../jobs/job_store.js";
import { mouthChart } from "./mouth_chart.js";
import { offsetNote, previewPicture, warningNotes } from "./training_notes.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("../core/types.js").LossPoint} LossPoint */
/** @typedef {import("../core/types.js").TrainingPartial} TrainingPartial */

/** Shortest time between two drawings of the charts. */
const CHART_MS = 400;

/** A point of the smoothed loss is the mean of this part of the curve on each side. */
const SMOOTH_PARTS = 40;

/** The first points are drawn at once. */
const FIRST_POINTS = 3;

/** A card that follows a training until `signal` aborts. @param {Job} first @param {AbortSignal} signal */
export function trainingProgress(first, signal) {
  const charts = trainingCharts();
  const steps = h("p", { class: "num train-steps" });
  const findings = findingsPlace();
  const preview = previewPlace(first.params.engine);
  const name = h("h2", { class: "clip" }, first.params.name ?? "");
  jobs.follow(first, signal, (job) => {
    const partial = job.partial ?? {};
    setText(steps, partial.step ? stepText(partial) : "");
    steps.hidden = !partial.step;
    charts.set(partial);
    findings.set(partial);
    preview.set(partial);
  });
  return h(
    "div",
    { class: "card train-now" },
    name,
    jobProgress(first, signal),
    steps,
    findings.el,
    charts.el,
    preview.el,
    h("p", { class: "small-text muted" }, t("safe.close")),
  );
}

/** @param {TrainingPartial} partial */
const stepText = ({ step, steps, loss }) =>
  t("train.at", { step: formatNumber(step ?? 0), steps: formatNumber(steps ?? 0), loss: formatNumber(loss ?? 0, 4) });

function trainingCharts() {
  // each in its own scale: the loss on unseen parts moves little beside the first steps of the other
  const learned = lossChart("learned");
  const unseen = lossChart("unseen");
  const mouth = mouthChart();
  let drawnAt = 0;
  return {
    el: h("div", { class: "train-charts" }, learned.el, unseen.el, mouth.el),
    /** @param {TrainingPartial} partial */
    set(partial) {
      const history = partial.history ?? [];
      if (Date.now() - drawnAt <= CHART_MS && history.length >= FIRST_POINTS) return;
      drawnAt = Date.now();
      learned.set(smoothed(history.map((p) => [p.step, p.loss])));
      unseen.set(validated(history).map((p) => [p.step, p.validation_loss ?? 0]));
      mouth.set(partial.curve);
    },
  };
}

/** @param {LossPoint[]} history */
const validated = (history) => history.filter((p) => p.validation_loss !== null);

/** The chart of one loss. @param {"learned" | "unseen"} name */
function lossChart(name) {
  const title = `${t("train.loss")} · ${t(`train.loss.${name}`)}`;
  const { el, set } = lineChart({ title, x: t("train.step"), log: true });
  const key = name === "learned" ? "c" : "a";
  return {
    el,
    set: (/** @type {[number, number][]} */ points) => set([{ key, label: title, points }], lossText(points)),
  };
}

/** Means over neighbours: single steps jump with what they happened to see. @param {[number, number][]} points */
function smoothed(points) {
  const reach = Math.floor(points.length / SMOOTH_PARTS);
  return points.map(([step], i) => {
    const near = points.slice(Math.max(0, i - reach), i + reach + 1);
    return /** @type {[number, number]} */ ([step, near.reduce((sum, [, loss]) => sum + loss, 0) / near.length]);
  });
}

/** @param {[number, number][]} points */
function lossText(points) {
  const last = points.at(-1);
  if (!last) return "";
  const values = { from: formatNumber(points[0][1], 4), to: formatNumber(last[1], 4) };
  return t("train.loss.words", { ...values, step: formatNumber(last[0]) });
}

/** Warnings and the offset of the sound, drawn again only when they differ. */
function findingsPlace() {
  const el = h("div", { class: "stack tight" });
  let shown = "";
  return {
    el,
    /** @param {TrainingPartial} partial */
    set(partial) {
      const now = JSON.stringify([partial.warnings, partial.offset_ms]);
      if (now === shown) return;
      shown = now;
      fill(el, ...warningNotes(partial.warnings ?? []), offsetNote(partial));
    },
  };
}

/** The latest preview, loaded again only after a validation. @param {unknown} engine */
function previewPlace(engine) {
  const el = h("div", null);
  let shown = "";
  return {
    el,
    /** @param {TrainingPartial} partial */
    set({ preview_url, history }) {
      const address = preview_url?.split("?")[0] ?? "";
      const version = `${validated(history ?? []).at(-1)?.step ?? ""}`;
      if (!address || shown === address + version) return;
      shown = address + version;
      fill(el, previewPicture(preview_url ?? "", engine, version));
    },
  };
}
