// @ts-check
// The name of the draft, whether it is saved, and the way to others.
import { toast } from "../components/announcements.js";
import { problemOf } from "../core/api.js";
import { button, fill, h, icon, setText } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { openDraftList } from "./draft_list.js";

/** @typedef {import("./draft_store.js").DraftStore} DraftStore */

const ICONS = {
  new: "",
  unsaved: "edit",
  saving: "edit",
  saved: "check",
  failed: "alert",
  "changed-elsewhere": "alert",
};

/** @param {DraftStore} drafts */
export function draftBar(drafts) {
  const name = h("span", { class: "clip draft-name" });
  const state = h("span", { class: "row small-text muted draft-state", role: "status" });
  const choice = h("div", null);
  const leave = (/** @type {Promise<unknown>} */ work) =>
    work.catch((error) => toast(problemOf(error).detail || problemOf(error).title));
  const fresh = button({
    icon: "plus",
    label: t("draft.new"),
    kind: "small quiet",
    onclick: () => void leave(drafts.open("")),
  });
  const others = button({
    icon: "jobs",
    label: t("draft.all"),
    kind: "small quiet",
    onclick: () => openDraftList(drafts),
  });
  let shown = "";
  drafts.watch(() => {
    setText(name, drafts.state === "new" && !drafts.name ? t("draft.untitled") : drafts.title());
    fresh.disabled = drafts.state === "new";
    if (shown === drafts.state) return;
    shown = drafts.state;
    fill(state, ...stateWords(drafts));
    fill(choice, drafts.state === "changed-elsewhere" ? conflict(drafts) : null);
  });
  return h(
    "div",
    { class: "stack tight draft-bar" },
    h(
      "div",
      { class: "row wrap" },
      h("div", { class: "row grow draft-now" }, icon("file", "small"), name, state),
      h("div", { class: "row" }, others, fresh),
    ),
    choice,
  );
}

/** @param {DraftStore} drafts */
function stateWords(drafts) {
  const { state, problem } = drafts;
  const name = ICONS[state];
  const words = [name ? icon(name, "small") : null, h("span", null, t(`draft.state.${state}`))];
  if (state !== "failed") return words;
  const again = button({ label: t("retry"), kind: "small", onclick: () => void drafts.save() });
  return [...words, h("span", { class: "clip draft-why", title: problem?.detail ?? "" }, problem?.title ?? ""), again];
}

/** It was changed elsewhere: both choices. @param {DraftStore} drafts */
function conflict(drafts) {
  return h(
    "div",
    { class: "note warn", role: "alert" },
    icon("alert"),
    h(
      "div",
      { class: "stack tight" },
      h("p", null, t("draft.conflict")),
      h(
        "div",
        { class: "row wrap" },
        button({ label: t("draft.keep_mine"), kind: "small", onclick: () => void drafts.keepMine() }),
        button({ label: t("draft.take_theirs"), kind: "small", onclick: () => void drafts.takeTheirs() }),
      ),
    ),
  );
}
