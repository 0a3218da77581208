// @ts-check
// What one shares and what is shared with one, on the account page.
import { copyText, toast } from "../components/announcements.js";
import { confirmDialog } from "../components/dialog.js";
import { emptyState, pill, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { list } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { timeElement } from "../core/format.js";
import { fetchShared, invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { shareTimes, withdraw } from "./share_dialog.js";
import { dropButton } from "./shared_badge.js";

/** @typedef {import("../core/account_types.js").Share} Share */
/** @typedef {import("../core/account_types.js").SharedThing} SharedThing */
/** @typedef {import("../core/account_types.js").SharedKind} SharedKind */

/** Where things of a kind are listed. @type {Record<SharedKind, string>} */
export const LISTS = {
  avatar: "/avatars",
  voice: "/voices",
  model: "/model_training",
  video: "/video_generation",
};

/** @param {AbortSignal} signal */
export function sharingSections(signal) {
  /** @type {import("../components/loadable.js").Loadable} */
  const mine = loadable(
    () => /** @type {Promise<Share[]>} */ (list("/shares", signal)),
    (all) => (all.length ? rows(all.map((s) => shareRow(s, mine.reload))) : emptyState("share", t("shares.none"))),
    { skeletons: 1, height: 72 },
  );
  const reload = () => {
    invalidate("shared");
    void theirs.reload();
  };
  const theirs = loadable(
    fetchShared,
    (all) => (all.length ? rows(all.map((s) => thingRow(s, reload))) : emptyState("people", t("shared.none"))),
    { skeletons: 1, height: 72 },
  );
  return [section(t("shares.mine"), [], mine.el), section(t("shared.with_me"), [], theirs.el)];
}

/** @param {HTMLElement[]} items */
const rows = (items) => h("ul", { class: "card rows" }, ...items);

/** @param {Share} share @param {() => Promise<void>} reload */
function shareRow(share, reload) {
  const { id, name, kind, audience, link, is_over } = share;
  async function end() {
    const question = {
      title: t("share.withdraw.title", { name }),
      text: t("share.withdraw.text"),
      yes: t("share.withdraw"),
    };
    if (!(await confirmDialog(question))) return;
    try {
      await withdraw(id);
      toast(t("share.withdrawn"));
      await reload();
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  const head = h(
    "p",
    { class: "row wrap" },
    h("strong", { class: "clip" }, name),
    pill(t(`shared.kind.${kind}`), "plain"),
    pill(t(is_over ? "share.over" : `share.${audience}`), is_over ? "warn" : "plain"),
  );
  const copy =
    link && !is_over
      ? button({ icon: "link", label: t("copy.link"), kind: "small", onclick: () => void copyText(link) })
      : null;
  const el = h(
    "li",
    { class: "row wrap apart" },
    h("div", { class: "grow stack tight" }, head, h("p", { class: "small-text muted" }, ...shareTimes(share))),
    h("div", { class: "row" }, copy, button({ label: t("share.withdraw"), kind: "small", onclick: () => void end() })),
  );
  return el;
}

/** @param {SharedThing} thing @param {() => void} reload */
function thingRow({ id, name, kind, owner_name, expires_at }, reload) {
  return h(
    "li",
    { class: "row wrap apart" },
    h(
      "div",
      { class: "grow stack tight" },
      h("p", { class: "row wrap" }, h("strong", { class: "clip" }, name), pill(t(`shared.kind.${kind}`), "plain")),
      h(
        "p",
        { class: "small-text muted" },
        t("shared.by", { name: owner_name }),
        ...(expires_at ? [" · ", t("share.ends"), " ", timeElement(expires_at)] : []),
      ),
    ),
    h(
      "div",
      { class: "row" },
      linkButton({ href: LISTS[kind], label: t("job.open"), kind: "small" }),
      dropButton(id, name, reload),
    ),
  );
}
