// @ts-check
// The scripts there are, the newest first.
import { emptyState } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { jobRow } from "../jobs/job_row.js";
import * as jobs from "../jobs/job_store.js";
import { forgetCorrections } from "./corrections.js";

/** @typedef {import("../core/types.js").Job} Job */

const SHOWN = 20;

/** @param {AbortSignal} signal */
export function dubbingList(signal) {
  /** @param {Job} removed */
  function onremoved({ id }) {
    forgetCorrections(id);
    void place.reload();
  }
  const place = loadable(
    () => jobs.fetchJobs(`kind=dubbing&limit=${SHOWN}`, signal),
    (found) =>
      found.length
        ? h("ul", { class: "stack" }, ...found.map((job) => jobRow(job, signal, { onremoved })))
        : emptyState("video", t("dubbing.none")),
    { skeletons: 2, height: 96 },
  );
  return place.el;
}
