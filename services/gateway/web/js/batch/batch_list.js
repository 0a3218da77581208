// @ts-check
// The batches there are, the newest first.
import { emptyState } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { list } from "../core/api.js";
import { h } from "../core/dom.js";
import { timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { batchTitle, doneText, statePill } from "./batch_state.js";

/** @typedef {import("./batch_state.js").Batch} Batch */

/** @param {AbortSignal} signal */
export const batchList = (signal) =>
  loadable(
    () => /** @type {Promise<Batch[]>} */ (list("/batches?limit=50", signal)),
    (batches) =>
      batches.length ? h("ul", { class: "stack" }, ...batches.map(entry)) : emptyState("file", t("batch.none")),
    { skeletons: 2, height: 72 },
  ).el;

/** @param {Batch} batch */
const entry = (batch) =>
  h(
    "li",
    null,
    h(
      "a",
      { class: "card batch-card", href: `/batches?batch=${encodeURIComponent(batch.id)}` },
      h("span", { class: "grow clip" }, batchTitle(batch)),
      h("span", { class: "small-text muted num" }, doneText(batch)),
      h("span", { class: "small-text muted" }, timeElement(batch.created_at)),
      statePill(batch.state),
    ),
  );
