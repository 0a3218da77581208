// @ts-check
// A new batch: table and template, the check of all rows, and the start.
import { announce, toast } from "../components/announcements.js";
import { field } from "../components/form.js";
import { problemCard } from "../components/problem_card.js";
import { call, idempotentCreator } from "../core/api.js";
import { button, fill, h, icon } from "../core/dom.js";
import { navigate } from "../core/router.js";
import { t } from "../i18n/translate.js";
import { batchTable } from "./batch_table.js";
import { batchTemplate } from "./batch_template.js";

/** @typedef {import("./batch_state.js").Cell} Cell */
/** @typedef {{row: number, field: string, message: string}} RowProblem */
/** @typedef {{number: number, name: string, cells: Record<string, Cell>, request: Record<string, any>}} CheckedRow */
/** @typedef {{columns: string[], rows: CheckedRow[], errors: RowProblem[]}} Checked */

const SHOWN_ROWS = 10;
const SHOWN_ERRORS = 20;
const SHOWN_CHARS = 160;

/** For checking and starting: every row may be looked up in other services. */
const CHECK_MS = 300_000;

/** @param {AbortSignal} signal */
export function batchForm(signal) {
  const table = batchTable(signal, changed);
  const template = batchTemplate(signal, () => checking.forget());
  const typed = { on: { input: () => checking.forget() }, class: "input", autocomplete: "off" };
  const name = h("input", { maxlength: 80, ...typed });
  const videoName = h("input", { maxlength: 200, ...typed });
  const checking = checkAndStart(signal, async () => {
    const [rows, made] = [table.value(), await template.value()];
    return rows && made && { name: name.value.trim(), template: made, video_name: videoName.value.trim(), ...rows };
  });
  function changed() {
    template.setColumns(table.columns());
    checking.forget();
  }
  return h(
    "div",
    { class: "stack loose" },
    part(t("batch.rows"), table.el),
    part(t("batch.template"), template.el),
    h(
      "div",
      { class: "grid" },
      field(t("batch.name"), name),
      field(t("batch.video_name"), videoName, t("batch.video_name.help")),
    ),
    checking.el,
  );
}

/** @param {string} title @param {HTMLElement} inside */
const part = (title, inside) => h("div", { class: "batch-part" }, h("h3", null, title), inside);

/**
 * The button that checks all rows, what was found, and the button that starts them.
 * @param {AbortSignal} signal @param {() => Promise<Record<string, any> | null>} body null while something is missing
 */
function checkAndStart(signal, body) {
  const found = h("div", { class: "stack" });
  const check = button({ icon: "check", label: t("batch.check"), kind: "primary", onclick: () => void checkAll() });

  /** @param {HTMLButtonElement} by @param {() => Promise<void>} work */
  async function working(by, work) {
    by.disabled = true;
    found.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) fill(found, problemCard(error));
    }
    found.removeAttribute("aria-busy");
    by.disabled = false;
  }
  const checkAll = () =>
    working(check, async () => {
      const asked = await body();
      if (!asked) return fill(found, h("p", { class: "missing", role: "alert" }, t("batch.missing")));
      announce(t("batch.checking"));
      fill(found, h("p", { class: "muted" }, t("batch.checking")));
      const options = { body: asked, signal, timeout_ms: CHECK_MS };
      const checked = /** @type {Checked} */ (await call("POST", "/batches/check", options));
      const { errors, rows } = checked;
      fill(found, errors.length ? errorList(errors) : null, preview(checked));
      if (!errors.length && rows.length) found.append(startButton(rows.length, asked));
    });
  /** @param {number} n @param {Record<string, any>} asked */
  function startButton(n, asked) {
    const startBatch = idempotentCreator("/batches", CHECK_MS);
    const start = button({
      icon: "video",
      label: t("batch.start", { n }),
      kind: "primary large",
      onclick: () =>
        void working(start, async () => {
          const batch = await startBatch(asked);
          toast(t("batch.started"));
          navigate(`/batches?batch=${encodeURIComponent(batch.id)}`);
        }),
    });
    return h("div", null, start);
  }
  /** What was found says nothing about what has been changed since. */
  const forget = () => fill(found);
  return { el: h("div", { class: "stack" }, h("div", null, check), found), forget };
}

/** @param {RowProblem[]} errors */
const errorList = (errors) =>
  h(
    "div",
    { class: "problem", role: "alert" },
    icon("alert"),
    h(
      "div",
      { class: "stack tight" },
      h("p", { class: "what" }, t("batch.errors", { n: errors.length })),
      h("ul", { class: "batch-errors" }, ...errors.slice(0, SHOWN_ERRORS).map((e) => h("li", null, errorText(e)))),
    ),
  );

/** @param {RowProblem} error */
const errorText = ({ row, field: name, message }) =>
  row ? t("batch.error", { row, field: name, message }) : t("batch.error.all", { field: name, message });

/** The first rows as they would be made. @param {Checked} checked */
function preview({ rows }) {
  if (!rows.length) return null;
  const shown = rows.slice(0, SHOWN_ROWS);
  const line = (/** @type {CheckedRow} */ row) =>
    h(
      "tr",
      null,
      h("th", { scope: "row", class: "num" }, row.number),
      h("td", { "data-label": t("batch.row.name") }, row.name),
      h("td", { "data-label": t("batch.request") }, [...saidBy(row.request)].slice(0, SHOWN_CHARS).join("")),
    );
  const head = ["batch.row", "batch.row.name", "batch.request"].map((k) => h("th", { scope: "col" }, t(k)));
  return h(
    "div",
    { class: "scrolls", tabindex: 0, role: "region", "aria-label": t("batch.request") },
    h(
      "table",
      { class: "table batch-table" },
      h("caption", { class: "muted" }, t("batch.preview", { n: rows.length, shown: shown.length })),
      h("thead", null, h("tr", null, ...head)),
      h("tbody", null, ...shown.map(line)),
    ),
  );
}

/** What a request says. @param {Record<string, any>} request @returns {string} */
const saidBy = (request) =>
  request.text ??
  (request.scenes ?? [])
    .map((/** @type {any} */ scene) => scene.text)
    .filter(Boolean)
    .join(" / ");
