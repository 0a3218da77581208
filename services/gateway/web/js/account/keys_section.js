// @ts-check
// API keys: for programs.
import { toast } from "../components/announcements.js";
import { confirmDialog, openDialog } from "../components/dialog.js";
import { emptyState, pill, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { call, list } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { timeElement, toDate } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { keyForm } from "./key_form.js";
import { amountText } from "./usage_days.js";

/** @typedef {import("../core/account_types.js").ApiKey} ApiKey */
/** @typedef {import("../core/account_types.js").Me} Me */

/** @param {Me} me @param {AbortSignal} signal */
export function keysSection(me, signal) {
  /** @type {import("../components/loadable.js").Loadable} */
  const place = loadable(
    () => /** @type {Promise<ApiKey[]>} */ (list("/me/keys", signal)),
    (all) =>
      all.length
        ? h("ul", { class: "card rows" }, ...all.map((key) => keyRow(key, place.reload)))
        : emptyState("key", t("keys.none")),
    { skeletons: 1, height: 72 },
  );
  const make = () => openKeyDialog(me, () => void place.reload());
  const docs = linkButton({ href: "/docs", label: t("system.api"), kind: "quiet small" });
  const add = button({ icon: "plus", label: t("keys.new"), kind: "small", onclick: make });
  return section(t("keys"), [docs, add], place.el);
}

/** @param {Me} me @param {() => void} onmade */
function openKeyDialog(me, onmade) {
  const body = h("div", null);
  const close = openDialog({ title: t("keys.new"), wide: 520, body: [body] });
  body.append(keyForm(me, body, { onmade, close }));
}

/** @param {ApiKey} key @param {() => Promise<void>} reload */
function keyRow(key, reload) {
  const { name } = key;
  async function revoke() {
    const question = { title: t("keys.revoke.title", { name }), text: t("keys.revoke.text"), yes: t("keys.revoke") };
    if (!(await confirmDialog(question))) return;
    try {
      await call("DELETE", `/me/keys/${encodeURIComponent(key.id)}`);
      toast(t("keys.revoked", { name }));
      await reload();
    } catch (error) {
      el.append(problemCard(error));
    }
  }
  const isOver = key.expires_at !== null && toDate(key.expires_at).getTime() < Date.now();
  const label = t("keys.revoke.title", { name });
  const el = h(
    "li",
    { class: "row wrap apart" },
    h(
      "div",
      { class: "grow stack tight" },
      h(
        "p",
        { class: "row wrap" },
        h("strong", null, name),
        h("code", { class: "mono muted" }, `${key.prefix}…`),
        ...key.scopes.map((scope) => pill(t(`scope.${scope}`), "plain")),
        isOver ? pill(t("keys.over"), "warn") : null,
      ),
      keyFacts(key),
    ),
    button({ icon: "trash", label, bare: true, kind: "small", onclick: () => void revoke() }),
  );
  return el;
}

/** @param {ApiKey} key */
function keyFacts({ created_at, expires_at, last_used_at, limits }) {
  const own = Object.entries(limits).map(([n, most]) => `${t(`quota.${n}`)}: ${amountText(n, most)}`);
  return h(
    "p",
    { class: "small-text muted" },
    t("keys.made"),
    " ",
    timeElement(created_at),
    " · ",
    ...(last_used_at ? [t("keys.used"), " ", timeElement(last_used_at)] : [t("keys.unused")]),
    " · ",
    ...(expires_at ? [t("keys.until"), " ", timeElement(expires_at)] : [t("keys.forever")]),
    own.length ? ` · ${own.join(" · ")}` : null,
  );
}
