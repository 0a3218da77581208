// @ts-check
// The result of a training.

import { answersLive } from "../avatars/avatar_choices.js";
import { pill } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { h, icon } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";
import {
  FIGURE_WARNINGS,
  figuresTable,
  hasImproved,
  improvementText,
  isUncompared,
  openingNote,
  shortSummary,
  uncomparedFigures,
} from "./figures.js";
import { mouthChart } from "./mouth_chart.js";
import { offsetNote, previewPicture, warningNotes } from "./training_notes.js";

/** @typedef {import("../core/types.js").Model} Model */

/** @param {Model} model */
export function trainingResult(model) {
  const mouth = mouthChart();
  mouth.set(model.curve);
  const improved = hasImproved(model);
  const uncompared = isUncompared(model);
  const summary = h("span", null, h("strong", null, improvementText(model)), " ", shortSummary(model));
  const heldOut = () => h("p", { class: "small-text muted" }, t("train.heldout"));
  const otherWarnings = (model.warnings ?? []).filter((code) => !FIGURE_WARNINGS.includes(code));
  return h(
    "div",
    { class: "stack", "data-result": improved ? "helped" : "not-better" },
    h("p", { class: `note ${improved ? "good" : ""}` }, icon(improved ? "check" : "info"), summary),
    resultLinks(model),
    ...(uncompared ? [uncomparedFigures(model)] : [figuresTable(model), openingNote(model), heldOut()]),
    ...warningNotes(otherWarnings),
    offsetNote(model),
    uncompared ? null : h("div", { class: "train-charts" }, mouth.el),
    comparison(model),
    modelFacts(model),
  );
}

/**
 * Two players side by side, or the still pictures of engines that make no videos of the kept-back part.
 * @param {Model} model
 */
function comparison({ before_video_url: before, after_video_url: after, preview_url: preview, engine }) {
  if (!before || !after) return preview ? previewPicture(preview, engine) : null;
  const player = (/** @type {string} */ src, /** @type {"before" | "after"} */ key) =>
    h(
      "figure",
      { class: "stack tight" },
      h("video", {
        src,
        controls: true,
        playsinline: true,
        preload: "metadata",
        "aria-label": t(`train.movie.${key}`),
      }),
      h("figcaption", { class: "small-text" }, t(`train.movie.${key}`)),
    );
  return h("div", { class: "train-movies" }, player(before, "before"), player(after, "after"));
}

/** @param {Model} model */
function resultLinks(model) {
  const href = `/video_generation?model=${encodeURIComponent(model.id)}`;
  const use = linkButton({ href, label: t("training.use"), icon: "video", kind: "primary" });
  return h("div", { class: "row wrap" }, use, chatLink(model));
}

/** @param {Model} model */
const modelFacts = ({ engine, steps, id }) =>
  h(
    "p",
    { class: "small-text muted row wrap" },
    pill(engine, "plain"),
    t("training.steps.n", { n: formatNumber(steps) }),
    h("code", { class: "mono" }, id),
  );

/** A link to the chat, if the engine can answer there. @param {Model} model @param {boolean} [small] */
export function chatLink({ id, engine }, small = false) {
  const el = h("span", { class: "row" });
  const look = small ? { kind: "small" } : { icon: "chat" };
  const href = `/chat_system?model=${encodeURIComponent(id)}`;
  answersLive(engine).then(
    (live) => live && el.append(linkButton({ href, label: t("training.talk"), ...look })),
    () => {},
  );
  return el;
}
