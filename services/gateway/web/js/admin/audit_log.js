// @ts-check
// Who did what, when, from where.
import { field, select } from "../components/form.js";
import { emptyState } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { list } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { timeElement } from "../core/format.js";
import { term, t } from "../i18n/translate.js";
import { AUDITED } from "./audit_actions.js";

/** @typedef {import("../core/account_types.js").AuditRow} AuditRow */
/** @typedef {import("../core/account_types.js").User} User */

const PAGE_SIZE = 50;

/** @param {AbortSignal} signal */
export function auditLog(signal) {
  let person = "";
  let action = "";
  const query = () => {
    const given = new URLSearchParams({ limit: String(PAGE_SIZE) });
    if (person) given.set("user_id", person);
    if (action) given.set("action", action);
    return given;
  };
  const rows = loadable(
    () => fetchRows(query(), signal),
    (found) => (found.length ? pages(found, query, signal) : emptyState("clock", t("audit.none"))),
    { skeletons: 5, height: 44 },
  );
  const actions = [
    { value: "", label: t("all") },
    ...AUDITED.map((value) => ({ value, label: actionText(value) })).sort((a, b) => a.label.localeCompare(b.label)),
  ];
  const chooseAction = select(actions, "", (value) => {
    action = value;
    void rows.reload();
  });
  const people = loadable(
    () => /** @type {Promise<User[]>} */ (list("/users", signal)),
    (users) => {
      const options = [{ value: "", label: t("all") }, ...users.map((u) => ({ value: u.id, label: u.name }))];
      const choose = select(options, person, (value) => {
        person = value;
        void rows.reload();
      });
      return field(t("audit.person"), choose);
    },
    { skeletons: 1, height: 64 },
  );
  const filters = h("div", { class: "row wrap filters" }, people.el, field(t("audit.action"), chooseAction));
  return h("div", { class: "stack" }, filters, rows.el);
}

/** @param {URLSearchParams} query @param {AbortSignal} signal @returns {Promise<AuditRow[]>} */
const fetchRows = (query, signal) => list(`/audit?${query}`, signal);

/** An action in words, or as it is where there are none. @param {string} action */
const actionText = (action) => term("audit", action);

/** @param {AuditRow[]} first @param {() => URLSearchParams} query @param {AbortSignal} signal */
function pages(first, query, signal) {
  const body = h("tbody", null);
  const more = button({ label: t("audit.older"), onclick: () => void older() });
  let last = 0;
  const add = (/** @type {AuditRow[]} */ found) => {
    body.append(...found.map(auditRow));
    last = found.at(-1)?.id ?? last;
    more.hidden = found.length < PAGE_SIZE;
  };
  async function older() {
    const given = query();
    given.set("before", String(last));
    add(await fetchRows(given, signal).catch(() => []));
  }
  add(first);
  const head = ["at", "person", "action", "object", "address"].map((name) =>
    h("th", { scope: "col" }, t(`audit.${name}`)),
  );
  const table = h(
    "table",
    { class: "table audit-table" },
    h("caption", { class: "sr" }, t("admin.tab.audit")),
    h("thead", null, h("tr", null, ...head)),
    body,
  );
  return h("div", { class: "stack" }, table, h("div", null, more));
}

/** @param {AuditRow} row */
function auditRow({ at, actor, via, action, object, address }) {
  const cell = (/** @type {string} */ name, /** @type {...any} */ ...children) =>
    h("td", { "data-label": t(`audit.${name}`) }, ...children);
  const by = via === "key" || via === "token" ? ` ${t(`audit.via.${via}`)}` : "";
  return h(
    "tr",
    null,
    cell("at", timeElement(at)),
    h("th", { scope: "row" }, actor || "–", by ? h("span", { class: "small-text muted" }, by) : null),
    cell("action", h("span", { title: action }, actionText(action))),
    cell("object", object && object !== "-" ? h("code", { class: "mono" }, object) : null),
    cell("address", address ? h("span", { class: "num" }, address) : null),
  );
}
