// @ts-check
// The dialog of earlier conversations, to open or delete them.

import { confirmDialog, openDialog } from "../components/dialog.js";
import { emptyState } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { call, list } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").ConversationItem} ConversationItem */

/** @param {string | null} current the open conversation @param {(id: string | null) => void} open */
export function openConversationList(current, open) {
  const choose = (/** @type {string} */ id) => {
    close();
    open(id);
  };
  const rows = (/** @type {ConversationItem[]} */ all) =>
    all.length
      ? h("ul", { class: "stack tight" }, ...all.map((c) => conversationRow(c, current, choose, () => open(null))))
      : emptyState("chat", t("history.none"));
  const body = loadable(() => list("/conversations?limit=100"), rows, { height: 40 });
  const close = openDialog({ title: t("chat.history"), body: [body.el] });
}

/**
 * @param {ConversationItem} item
 * @param {string | null} current the open conversation
 * @param {(id: string) => void} choose
 * @param {() => void} oncurrentdeleted
 */
function conversationRow({ id, title, updated_at }, current, choose, oncurrentdeleted) {
  async function remove() {
    const question = { title: t("history.delete", { title }), text: t("history.delete.text"), yes: t("delete") };
    if (!(await confirmDialog(question))) return;
    try {
      await call("DELETE", `/conversations/${encodeURIComponent(id)}`);
      el.remove();
      if (id === current) oncurrentdeleted();
    } catch (error) {
      el.after(problemCard(error));
    }
  }
  const props = { class: "button quiet grow start", "aria-current": id === current ? "true" : null };
  const el = h(
    "li",
    { class: "row" },
    h(
      "button",
      { type: "button", ...props, on: { click: () => choose(id) } },
      h("span", { class: "clip grow" }, title || t("history.untitled")),
      h("span", { class: "small-text muted" }, timeElement(updated_at)),
    ),
    button({
      icon: "trash",
      label: t("history.delete", { title }),
      bare: true,
      kind: "small",
      onclick: () => void remove(),
    }),
  );
  return el;
}
