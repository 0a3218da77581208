// @ts-check
// What one used: today's limits as bars, the last days as columns and as a table.
import { amountBar } from "../components/amount_bar.js";
import { fold } from "../components/fold.js";
import { emptyState, section } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { get, list } from "../core/api.js";
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { amountText, dayColumns, dayTable, daysOf } from "./usage_days.js";

/** @typedef {import("../core/account_types.js").Me} Me */
/** @typedef {import("../core/account_types.js").UsageRow} UsageRow */

const DAYS = 30;
/** Limits with something that counts against them now. */
const COUNTED = ["minutes_per_day", "stored_mb", "queued_jobs", "live_sessions"];

/** @param {AbortSignal} signal */
export function usageSection(signal) {
  const now = loadable(
    () => /** @type {Promise<Me>} */ (get("/me", signal)),
    (me) => h("ul", { class: "stack card" }, ...COUNTED.map((name) => limitBar(name, me))),
    { skeletons: 1, height: 160 },
  );
  const days = loadable(
    () => /** @type {Promise<UsageRow[]>} */ (list(`/usage?days=${DAYS}`, signal)),
    (rows) => {
      if (!rows.some((r) => r.amount)) return emptyState("clock", t("usage.none", { days: DAYS }));
      const found = daysOf(rows, DAYS);
      const table = h("div", { class: "inside" }, dayTable(found));
      return [dayColumns(found), fold([t("usage.table")], table)];
    },
    { skeletons: 1, height: 160 },
  );
  return section(t("usage"), [], h("div", { class: "usage" }, now.el, days.el));
}

/** @param {string} name @param {Me} me */
function limitBar(name, { limits, used }) {
  const [most, now] = [limits[name] ?? 0, used[name] ?? 0];
  return amountBar(t(`quota.${name}`), amountText(name, now), most ? amountText(name, most) : "", now / (most || 1));
}
