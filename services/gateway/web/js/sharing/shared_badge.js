// @ts-check
// What marks another person's thing in a list, and takes it out again.
import { toast } from "../components/announcements.js";
import { confirmDialog } from "../components/dialog.js";
import { pill } from "../components/layout.js";
import { problemOf } from "../core/api.js";
import { button, setText } from "../core/dom.js";
import { fetchShared, invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { withdraw } from "./share_dialog.js";

/** Who shares it; the name follows. @param {string} id of the share */
export function sharedBadge(id) {
  const el = pill(t("shared"), "plain");
  el.dataset.shared = "";
  fetchShared().then(
    (all) => {
      const found = all.find((thing) => thing.id === id);
      if (found) setText(el, t("shared.by", { name: found.owner_name }));
    },
    () => {}, // the mark remains
  );
  return el;
}

/**
 * Takes what came by a link out of one's list. What is shared with all members stays, so there the button stays hidden.
 * @param {string} id of the share @param {string} name @param {() => void} onremoved
 */
export function dropButton(id, name, onremoved) {
  const label = t("shared.drop", { name });
  const el = button({ icon: "close", label, bare: true, kind: "small", onclick: () => void drop(), hidden: true });
  fetchShared().then(
    (all) => (el.hidden = all.find((thing) => thing.id === id)?.audience !== "link"),
    () => {},
  );
  async function drop() {
    if (!(await confirmDialog({ title: label, text: t("shared.drop.text"), yes: t("shared.drop.yes") }))) return;
    try {
      await withdraw(id);
      invalidate("shared");
      onremoved();
    } catch (error) {
      const { title, detail } = problemOf(error);
      toast(`${title} ${detail}`);
    }
  }
  return el;
}
