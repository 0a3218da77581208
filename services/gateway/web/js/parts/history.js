// @ts-check
// Earlier conversations, to open again or delete.
import { call, list } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { moment } from "../core/format.js";
import { t } from "../core/i18n.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { empty, loaded, problemCard } from "./say.js";

/** @typedef {import("../core/types.js").ConversationItem} ConversationItem */

/** @param {string | null} now the open one @param {(id: string | null) => void} open */
export function chooseConversation(now, open) {
  const row = (/** @type {ConversationItem} */ c) => {
    const el = h(
      "li",
      { class: "row" },
      h(
        "button",
        {
          type: "button",
          class: "button quiet grow start",
          "aria-current": c.id === now ? "true" : null,
          on: { click: () => (close(), open(c.id)) },
        },
        h("span", { class: "clip grow" }, c.title || t("history.untitled")),
        h("span", { class: "small-text muted" }, moment(c.updated_at)),
      ),
      button({
        icon: "trash",
        label: t("history.delete", { title: c.title }),
        bare: true,
        kind: "small",
        onclick: () => remove(c, el),
      }),
    );
    return el;
  };
  /** @param {ConversationItem} c @param {HTMLElement} el */
  async function remove(c, el) {
    if (
      !(await confirmDialog({
        title: t("history.delete", { title: c.title }),
        text: t("history.delete.text"),
        yes: t("delete"),
      }))
    )
      return;
    try {
      await call("DELETE", `/conversations/${encodeURIComponent(c.id)}`);
      el.remove();
      if (c.id === now) open(null);
    } catch (error) {
      el.after(problemCard(error));
    }
  }
  const body = loaded(
    () => list("/conversations?limit=100"),
    (all) => (all.length ? h("ul", { class: "stack tight" }, ...all.map(row)) : empty("chat", t("history.none"))),
    { height: 40 },
  );
  const close = openDialog({ title: t("chat.history"), body: [body.el] });
}
