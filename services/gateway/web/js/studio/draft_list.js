// @ts-check
// The dialog with all drafts: open, rename, delete.
import { confirmDialog, openDialog } from "../components/dialog.js";
import { emptyState } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { button, fill, h } from "../core/dom.js";
import { timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("./draft_store.js").DraftStore} DraftStore */
/** @typedef {import("./types.js").DraftRow} DraftRow */

/** @param {DraftStore} drafts */
export function openDraftList(drafts) {
  const problem = h("div", null);
  const body = loadable(
    async () => {
      await drafts.save(); // the one that is shown is in the list too
      return drafts.all();
    },
    (all) => {
      if (!all.length) return emptyState("file", t("draft.none"));
      return h("ul", { class: "drafts" }, ...all.map((row) => draftRow(row, drafts, attempt)));
    },
    { skeletons: 3, height: 52 },
  );
  /** @param {() => Promise<unknown>} work @param {boolean} closes */
  async function attempt(work, closes) {
    fill(problem);
    try {
      await work();
      if (closes) close();
      else await body.reload();
    } catch (error) {
      fill(problem, problemCard(error));
    }
  }
  const close = openDialog({
    title: t("draft.all"),
    wide: 560,
    body: [h("div", { class: "stack" }, problem, body.el)],
    footer: (done) => [
      button({ icon: "plus", label: t("draft.new"), onclick: () => void attempt(() => drafts.open(""), true) }),
      button({ label: t("done"), kind: "primary", onclick: done }),
    ],
  });
}

/**
 * @param {DraftRow} row @param {DraftStore} drafts
 * @param {(work: () => Promise<unknown>, closes: boolean) => Promise<void>} attempt
 */
function draftRow(row, drafts, attempt) {
  const name = row.name || t("draft.untitled");
  const isShown = row.id === drafts.id;
  const el = h("li", { class: "row draft-row" });
  async function remove() {
    const question = { title: t("draft.delete", { name }), text: t("draft.delete.text"), yes: t("delete") };
    if (await confirmDialog(question)) await attempt(() => drafts.remove(row.id), false);
  }
  function draw() {
    const open = h(
      "button",
      {
        type: "button",
        class: "draft-open grow",
        "aria-current": isShown ? "true" : null,
        on: { click: () => void attempt(async () => isShown || drafts.open(row.id), true) },
      },
      h("span", { class: "clip" }, name),
      h("span", { class: "small-text muted" }, isShown ? t("draft.shown") : timeElement(row.updated_at)),
    );
    const tool = (/** @type {string} */ icon, /** @type {string} */ label, /** @type {() => void} */ onclick) =>
      button({ icon, label, bare: true, kind: "small", onclick });
    fill(
      el,
      open,
      tool("edit", t("draft.rename", { name }), rename),
      tool("trash", t("draft.delete", { name }), () => void remove()),
    );
  }
  function rename() {
    const input = h("input", { class: "input grow", maxlength: 80, "aria-label": t("draft.name"), value: row.name });
    const save = () =>
      attempt(async () => {
        if (!isShown) return drafts.renameOther(row.id, input.value);
        drafts.rename(input.value);
        await drafts.save();
      }, false);
    const submit = (/** @type {Event} */ e) => {
      e.preventDefault();
      void save();
    };
    const keydown = (/** @type {KeyboardEvent} */ e) => {
      if (e.key !== "Escape") return;
      e.preventDefault(); // the dialog stays
      draw();
    };
    const go = h("button", { type: "submit", class: "button small" }, t("draft.name.save"));
    fill(el, h("form", { class: "row grow", on: { submit, keydown } }, input, go));
    input.select();
  }
  draw();
  return el;
}
