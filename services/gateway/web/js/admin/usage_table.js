// @ts-check
// What everybody used, by day and by person.
import { field, select } from "../components/form.js";
import { emptyState, section } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { list } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { amountText, dayColumns, dayTable, daysOf, isMade, minutes, storedColumns } from "../account/usage_days.js";

/** @typedef {import("../core/account_types.js").UsageRow} UsageRow */
/** @typedef {import("../core/account_types.js").User} User */

const PERIODS = ["7", "30", "90"];

/** @param {AbortSignal} signal */
export function usageTable(signal) {
  let days = "30";
  let person = "";
  const people = h("div", null);
  const place = loadable(
    async () => {
      const asked = Promise.all([list(`/users/usage?days=${days}`, signal), list("/users", signal)]);
      const [rows, users] = /** @type {[UsageRow[], User[]]} */ (await asked);
      return { rows, users };
    },
    ({ rows, users }) => {
      const everybody = { value: "", label: t("usage.everybody") };
      const options = [everybody, ...users.map((u) => ({ value: u.id, label: u.name }))];
      const choose = select(options, person, (value) => {
        person = value;
        void place.reload();
      });
      fill(people, field(t("audit.person"), choose));
      return content(rows, users, person, Number(days));
    },
    { skeletons: 2, height: 160, class: "stack loose" },
  );
  const periods = PERIODS.map((value) => ({ value, label: t("days", { n: value }) }));
  const period = select(periods, days, (value) => {
    days = value;
    void place.reload();
  });
  return h(
    "div",
    { class: "stack" },
    h("div", { class: "row wrap filters" }, field(t("usage.period"), period), people),
    place.el,
  );
}

/** @param {UsageRow[]} rows @param {User[]} users @param {string} person id, or empty @param {number} days */
function content(rows, users, person, days) {
  const fitting = rows.filter((r) => !person || r.user_id === person);
  const found = daysOf(fitting, days);
  const byDay = fitting.some((r) => r.amount)
    ? [dayColumns(found), storedColumns(found), dayTable(found)]
    : [emptyState("clock", t("usage.nobody", { days }))];
  const shown = users.filter((u) => !person || u.id === person);
  return [section(t("usage.by_day"), [], ...byDay), section(t("usage.by_person"), [], personTable(shown, rows))];
}

/** @param {User[]} users @param {UsageRow[]} rows */
function personTable(users, rows) {
  const made = (/** @type {User} */ user) =>
    rows.filter((r) => r.user_id === user.id && isMade(r)).reduce((all, r) => all + r.amount, 0);
  const head = ["person", "total", "stored", "queued"].map((name) => h("th", { scope: "col" }, t(`usage.${name}`)));
  const row = (/** @type {User} */ user) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, user.name),
      h("td", null, minutes(made(user))),
      h("td", null, amountText("stored_mb", user.used.stored_mb ?? 0)),
      h("td", null, formatNumber(user.used.queued_jobs ?? 0)),
    );
  return h(
    "table",
    { class: "table num" },
    h("caption", { class: "small-text muted" }, t("usage.person.caption")),
    h("thead", null, h("tr", null, ...head)),
    h("tbody", null, ...users.map(row)),
  );
}
