// @ts-check
// People, what they use, and the audit log; for admins.
import { emptyState, page } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { tabs } from "../components/tabs.js";
import { account, isAdmin } from "../core/account.js";
import { h } from "../core/dom.js";
import { setQuery } from "../core/router.js";
import { t } from "../i18n/translate.js";
import { noAccounts } from "../account/sign_in_page.js";
import { auditLog } from "./audit_log.js";
import { peopleList } from "./people_list.js";
import { usageTable } from "./usage_table.js";

/** What each tab shows, made when it is first opened. */
const TABS = { people: peopleList, usage: usageTable, audit: auditLog };

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function adminPage({ signal, query }) {
  if (!account()) return page(t("nav.admin"), "", noAccounts());
  if (!isAdmin()) return page(t("nav.admin"), "", notForYou());
  const asked = query.get("tab") ?? "";
  const chosen = asked in TABS ? asked : "people";
  const panels = Object.entries(TABS).map(([key, make]) => ({
    key,
    label: t(`admin.tab.${key}`),
    panel: h("div", { class: "stack" }),
    make,
  }));
  function open(/** @type {string} */ key) {
    const found = panels.find((p) => p.key === key);
    if (found && !found.panel.childElementCount) found.panel.append(found.make(signal));
  }
  open(chosen);
  const strip = tabs(t("nav.admin"), panels, chosen, (key) => {
    setQuery("tab", key === "people" ? null : key);
    open(key);
  });
  return page(t("nav.admin"), t("admin.lead"), strip);
}

const notForYou = () =>
  emptyState("info", t("admin.not_for_you"), linkButton({ href: "/", label: t("nav.home"), kind: "primary" }));
