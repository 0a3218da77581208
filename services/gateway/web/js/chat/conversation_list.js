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

/** @typedef {(id: string | null, isLive?: boolean) => void} Open `isLive`: whether it goes on as a live conversation */

/** @param {string | null} current the open conversation @param {Open} open */
export function openConversationList(current, open) {
  /** @type {Open} */
  const choose = (id, isLive) => {
    close();
    open(id, isLive);
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
 * @param {Open} choose
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
      icon: "voice",
      label: t("history.live", { title }),
      bare: true,
      kind: "small",
      onclick: () => choose(id, true),
    }),
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
