// @ts-check
// The trained models.

import { confirmDialog, openDialog } from "../components/dialog.js";
import { emptyState, pill } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { call } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { formatNumber, timeElement } from "../core/format.js";
import { fetchAvatars, fetchModels, invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { hasImproved, isUncompared, shortSummary } from "./figures.js";
import { chatLink, trainingResult } from "./training_result.js";
import { consentFacts } from "../consent/consent_facts.js";
import { shareButton } from "../sharing/share_dialog.js";
import { dropButton, sharedBadge } from "../sharing/shared_badge.js";

/** @typedef {import("../core/types.js").Model} Model */

/** @returns {{el: HTMLElement, reload: () => Promise<void>}} */
export function modelList() {
  const models = loadable(
    async () => /** @type {const} */ ([await fetchModels(), await fetchAvatars().catch(() => [])]),
    ([all, avatars]) => {
      const own = all.filter((m) => !m.is_builtin);
      if (!own.length) return emptyState("training", t("training.none"));
      const thumbnails = new Map(avatars.map((a) => [a.id, a.thumbnail_url]));
      return h("ul", { class: "stack" }, ...own.map((m) => modelRow(m, thumbnails.get(m.avatar_id ?? ""), ondeleted)));
    },
    { skeletons: 1, height: 64 },
  );
  function ondeleted() {
    invalidate("models");
    void models.reload();
  }
  return models;
}

/** @param {Model} model @param {string | undefined} thumbnail @param {() => void} ondeleted */
function modelRow(model, thumbnail, ondeleted) {
  const { id, name } = model;
  async function remove() {
    const question = { title: t("training.delete", { name }), text: t("training.delete.text"), yes: t("delete") };
    if (!(await confirmDialog(question))) return;
    try {
      await call("DELETE", `/models/${encodeURIComponent(id)}`);
      ondeleted();
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  const shared = model.is_shared ? sharedBadge(id) : null;
  const picture = thumbnail ? h("span", { class: "face" }, h("img", { src: thumbnail, alt: "" })) : null;
  const head = h("div", { class: "row wrap" }, h("strong", { class: "clip" }, name), resultPill(model), shared);
  const words = h("div", { class: "stack tight" }, head, modelFacts(model));
  const el = h(
    "li",
    { class: "card", "data-model": id },
    h(
      "div",
      { class: "row wrap apart" },
      h("div", { class: "row model-words" }, picture, words),
      modelActions(model, () => void remove(), ondeleted),
    ),
  );
  return el;
}

/** @param {Model} model */
function resultPill(model) {
  if (!model.curve && !Object.keys(model.after).length) return null;
  const improved = hasImproved(model);
  const text = isUncompared(model) ? "person.trained" : improved ? "train.pill.helped" : "train.pill.not";
  return pill(t(text), improved ? "good" : "");
}

/** @param {Model} model */
function modelFacts(model) {
  const origin = t("training.model", { engine: model.engine, steps: formatNumber(model.steps) });
  const facts = [shortSummary(model), origin].filter(Boolean).join(" · ");
  return h("p", { class: "small-text muted num" }, facts, " · ", timeElement(model.created_at));
}

/** @param {Model} model @param {() => void} remove @param {() => void} ondropped */
function modelActions(model, remove, ondropped) {
  const { id, name } = model;
  const body = [trainingResult(model), consentFacts("training", model.training_id)];
  const showDetails = () => void openDialog({ title: name, wide: 720, body });
  const href = `/video_generation?model=${encodeURIComponent(id)}`;
  const bare = { bare: true, kind: "small" };
  return h(
    "div",
    { class: "row wrap" },
    linkButton({ href, label: t("training.use"), kind: "small" }),
    model.is_shared ? null : chatLink(model, true),
    button({ icon: "info", label: t("training.details", { name }), onclick: showDetails, ...bare }),
    ...(model.is_shared
      ? [dropButton(id, name, ondropped)]
      : [
          shareButton({ kind: "model", id, name }),
          button({ icon: "trash", label: t("training.delete", { name }), onclick: remove, ...bare }),
        ]),
  );
}
