// @ts-check
// One batch: how far it is, its rows, and what can be done with it.
import { announce, toast } from "../components/announcements.js";
import { confirmDialog } from "../components/dialog.js";
import { note } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { progressBar } from "../components/progress_bar.js";
import { call, downloadUrl, get } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { formatClock, formatPercent } from "../core/format.js";
import { navigate } from "../core/router.js";
import { language, t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { batchTitle, doneText, statePill } from "./batch_state.js";

/** @typedef {import("./batch_state.js").BatchDetail} BatchDetail */
/** @typedef {import("./batch_state.js").BatchRow} BatchRow */

const AGAIN_MS = 3000;
const SHOWN_CELL_CHARS = 60;

/** @param {string} id @param {AbortSignal} signal */
export function batchDetail(id, signal) {
  const path = `/batches/${encodeURIComponent(id)}`;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;
  let state = "";
  const place = loadable(
    () => /** @type {Promise<BatchDetail>} */ (get(path, signal)),
    (batch) => {
      clearTimeout(again);
      if (batch.state === "running") again = setTimeout(() => void place.reload(), AGAIN_MS);
      else if (state === "running") announce(`${batchTitle(batch)}: ${t(`batch.state.${batch.state}`)}`);
      state = batch.state;
      return draw(batch, path, () => void place.reload());
    },
    { skeletons: 2, height: 120 },
  );
  signal.addEventListener("abort", () => clearTimeout(again));
  jobs.watch(
    signal,
    () => void place.reload(),
    (job) => job.params.batch_id === id && jobs.isFinished(job),
  );
  return place.el;
}

/** @param {BatchDetail} batch @param {string} path @param {() => void} reload */
function draw(batch, path, reload) {
  const bar = progressBar(t("batch.progress"));
  const over = ["succeeded", "failed", "cancelled", "deleted"].reduce((n, s) => n + (batch.counts[s] ?? 0), 0);
  bar.set(batch.total ? over / batch.total : 0);
  return [
    h(
      "div",
      { class: "card" },
      h("div", { class: "row wrap apart" }, h("h3", null, batchTitle(batch)), statePill(batch.state)),
      bar.el,
      h("p", { class: "num" }, doneText(batch)),
      batch.held_by
        ? note(t("batch.held", { why: `${batch.held_by.title}. ${batch.held_by.hint}` }), {
            kind: "warn",
            icon: "clock",
          })
        : null,
      ...actions(batch, path, reload),
    ),
    rowTable(batch),
  ];
}

/** @param {BatchDetail} batch @param {string} path @param {() => void} reload */
function actions(batch, path, reload) {
  const { counts, state } = batch;
  const problem = h("div", null);
  /** @param {() => Promise<unknown>} work */
  async function doing(work) {
    fill(problem);
    try {
      await work();
      reload();
    } catch (error) {
      fill(problem, problemCard(error));
    }
  }
  async function cancel() {
    const question = { title: t("batch.cancel"), text: t("batch.cancel.text"), yes: t("batch.cancel") };
    if (await confirmDialog(question)) await doing(() => call("DELETE", path));
  }
  async function forget() {
    const question = { title: t("batch.forget"), text: t("batch.forget.text"), yes: t("batch.forget") };
    if (!(await confirmDialog(question))) return;
    try {
      await call("DELETE", `${path}?forget=true`);
      toast(t("batch.forget"));
      navigate("/batches");
    } catch (error) {
      fill(problem, problemCard(error));
    }
  }
  const link = (/** @type {string} */ end, /** @type {string} */ label) =>
    linkButton({
      href: downloadUrl(`/api/v1${path}/${end}?lang=${language()}`),
      label,
      icon: "download",
      download: true,
    });
  const retry = () => void doing(() => call("POST", `${path}/retry`));
  return [
    h(
      "div",
      { class: "row wrap" },
      counts.failed ? button({ icon: "refresh", label: t("batch.retry", { n: counts.failed }), onclick: retry }) : null,
      counts.succeeded ? link("zip", t("batch.zip")) : null,
      link("report.csv", t("batch.report")),
      state === "running"
        ? button({ icon: "stop", label: t("batch.cancel"), kind: "quiet danger", onclick: () => void cancel() })
        : button({ icon: "trash", label: t("batch.forget"), kind: "quiet danger", onclick: () => void forget() }),
    ),
    problem,
  ];
}

/** @param {BatchDetail} batch */
const rowTable = ({ rows }) =>
  h(
    "div",
    { class: "scrolls", tabindex: 0, role: "region", "aria-label": t("batch.list") },
    h(
      "table",
      { class: "table batch-table" },
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          ...["batch.row", "batch.row.name", "batch.row.state", "batch.row.result"].map((key) =>
            h("th", { scope: "col" }, t(key)),
          ),
        ),
      ),
      h("tbody", null, ...rows.map(tableRow)),
    ),
  );

/** @param {BatchRow} row */
function tableRow(row) {
  const cells = Object.values(row.cells)
    .map((cell) => String(cell ?? ""))
    .filter(Boolean)
    .join(" · ");
  return h(
    "tr",
    null,
    h("th", { scope: "row", class: "num" }, row.number),
    h(
      "td",
      { "data-label": t("batch.row.name") },
      h("div", null, row.name),
      h("div", { class: "small-text muted" }, [...cells].slice(0, SHOWN_CELL_CHARS).join("")),
    ),
    h(
      "td",
      { "data-label": t("batch.row.state") },
      h(
        "div",
        { class: "row" },
        statePill(row.state),
        row.state === "running" ? h("span", { class: "num small-text" }, formatPercent(row.progress)) : null,
      ),
    ),
    h("td", { "data-label": t("batch.row.result") }, result(row)),
  );
}

/** @param {BatchRow} row */
function result({ video_url, job_id, duration_s, error, name }) {
  if (error) return h("span", { class: "missing small-text" }, `${error.title}. ${error.hint}`);
  if (!video_url || !job_id) return null;
  return h(
    "div",
    { class: "row" },
    h(
      "a",
      { href: `/video_generation?job=${encodeURIComponent(job_id)}`, "aria-label": `${t("batch.open")} ${name}` },
      t("batch.open"),
    ),
    duration_s === null ? null : h("span", { class: "num small-text muted" }, formatClock(duration_s)),
  );
}
