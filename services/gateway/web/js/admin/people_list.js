// @ts-check
// Everybody, as a table; on a phone as cards.
import { openDialog } from "../components/dialog.js";
import { field, select } from "../components/form.js";
import { pill } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { submitForm } from "../components/submit_form.js";
import { account, shownName } from "../core/account.js";
import { call, list } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { amountText } from "../account/usage_days.js";
import { openPerson } from "./person_dialog.js";
import { linkShown, statePill } from "./person_parts.js";

/** @typedef {import("../core/account_types.js").User} User */

const COLUMNS = ["name", "role", "state", "stored", "today", "seen"];

/** @param {AbortSignal} signal */
export function peopleList(signal) {
  /** @type {import("../components/loadable.js").Loadable} */
  const place = loadable(
    () => /** @type {Promise<User[]>} */ (list("/users", signal)),
    (all) => [
      h("p", { class: "small-text muted", role: "status" }, t("people.count", { n: all.length })),
      table(all, place.reload),
    ],
    { skeletons: 3, height: 56 },
  );
  const invite = button({
    icon: "plus",
    label: t("people.invite"),
    kind: "primary",
    onclick: () => openInvitation(() => void place.reload()),
  });
  return h("div", { class: "stack" }, h("div", null, invite), place.el);
}

/** @param {User[]} all @param {() => Promise<void>} reload */
function table(all, reload) {
  const head = COLUMNS.map((name) => h("th", { scope: "col" }, t(`people.${name}`)));
  return h(
    "table",
    { class: "table people-table" },
    h("caption", { class: "sr" }, t("admin.tab.people")),
    h("thead", null, h("tr", null, ...head, h("th", { scope: "col" }, h("span", { class: "sr" }, t("people.manage"))))),
    h("tbody", null, ...all.map((user) => personRow(user, reload))),
  );
}

/** @param {User} user @param {() => Promise<void>} reload */
function personRow(user, reload) {
  const cell = (/** @type {string} */ name, /** @type {...any} */ ...children) =>
    h("td", { "data-label": t(`people.${name}`) }, ...children);
  const { used, limits } = user;
  const isMe = user.id === account()?.id;
  const manage = button({
    label: t("people.manage"),
    kind: "small",
    "aria-label": t("people.manage.name", { name: user.name }),
    onclick: () => openPerson(user, reload),
  });
  const who = h(
    "th",
    { scope: "row" },
    h("span", { class: "row wrap" }, h("strong", null, shownName(user)), isMe ? pill(t("people.you"), "plain") : null),
    user.display_name && user.display_name !== user.name ? h("span", { class: "small-text muted" }, user.name) : null,
  );
  return h(
    "tr",
    { "data-user": user.name },
    who,
    cell("role", t(`role.${user.role}`)),
    cell("state", statePill(user)),
    cell("stored", withLimit("stored_mb", used, limits)),
    cell("today", withLimit("minutes_per_day", used, limits)),
    cell("seen", user.last_seen_at ? timeElement(user.last_seen_at) : t("people.never")),
    h("td", null, manage),
  );
}

/** @param {string} name @param {User["used"]} used @param {User["limits"]} limits */
function withLimit(name, used, limits) {
  const now = amountText(name, used[name] ?? 0);
  return h(
    "span",
    { class: "num" },
    limits[name] ? t("usage.of", { used: now, most: amountText(name, limits[name]) }) : now,
  );
}

/** @param {() => void} onmade */
function openInvitation(onmade) {
  const name = h("input", {
    class: "input",
    required: true,
    minlength: 2,
    maxlength: 64,
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
  });
  const shown = h("input", { class: "input", maxlength: 80, autocomplete: "off" });
  let role = "member";
  const roles = ["member", "admin"].map((value) => ({ value, label: t(`role.${value}`) }));
  const fields = [
    field(t("sign_in.name"), name, t("account.name.help")),
    field(t("account.shown"), shown),
    field(
      t("account.role"),
      select(roles, role, (value) => (role = value)),
      t("role.help"),
    ),
  ];
  const form = submitForm(t("people.invite.go"), fields, async () => {
    const made = await call("POST", "/users", { body: { name: name.value, role, display_name: shown.value.trim() } });
    onmade();
    fill(body, ...linkShown(made.user.name, made.link, () => close()));
    body.querySelector("input")?.focus();
  });
  const body = h("div", { class: "stack" }, form);
  const close = openDialog({ title: t("people.invite"), wide: 460, body: [body] });
}
