// @ts-check
// One's own account.
import { field } from "../components/form.js";
import { note, page, pill, section } from "../components/layout.js";
import { toast } from "../components/announcements.js";
import { submitForm } from "../components/submit_form.js";
import { account, changeAccount } from "../core/account.js";
import { call } from "../core/api.js";
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { consentSection } from "../consent/consent_section.js";
import { sharingSections } from "../sharing/sharing_sections.js";
import { keysSection } from "./keys_section.js";
import { leavingSection } from "./leaving_section.js";
import { newPasswordFields, passwordField } from "./password_field.js";
import { sessionsSection } from "./sessions_section.js";
import { noAccounts } from "./sign_in_page.js";
import { usageSection } from "./usage_section.js";

/** @typedef {import("../core/account_types.js").Me} Me */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function accountPage({ signal }) {
  const me = account();
  if (!me) return page(t("nav.account"), "", noAccounts());
  return page(
    t("nav.account"),
    t("account.lead"),
    h("div", { class: "grid account-cards" }, profile(me), password(me)),
    usageSection(signal),
    sessionsSection(signal),
    keysSection(me, signal),
    ...sharingSections(signal),
    consentSection(signal),
    leavingSection(me),
  );
}

/** @param {Me} me */
function profile(me) {
  const shown = h("input", {
    class: "input",
    value: me.display_name,
    required: true,
    maxlength: 80,
    autocomplete: "name",
  });
  const facts = h(
    "dl",
    { class: "facts-list" },
    h("dt", null, t("sign_in.name")),
    h("dd", null, me.name),
    h("dt", null, t("account.role")),
    h("dd", null, pill(t(`role.${me.role}`), "plain")),
  );
  const form = submitForm(
    t("save"),
    [field(t("account.shown"), shown, t("account.shown.help"))],
    async () => {
      changeAccount(await call("PATCH", "/me", { body: { display_name: shown.value.trim() } }));
      toast(t("account.saved"));
    },
    { kind: "" },
  );
  return card(t("account.profile"), facts, form);
}

/** @param {Me} me */
function password(me) {
  const fresh = newPasswordFields(() => me.name);
  const old = me.has_password ? passwordField(t("password.old"), "current-password") : null;
  const username = h("input", { value: me.name, autocomplete: "username", readonly: true, hidden: true });
  const form = submitForm(
    t("password.change"),
    [username, old?.el ?? note(t("password.first")), ...fresh.elements],
    async () => {
      await call("PUT", "/me/password", { body: { old: old?.input.value ?? "", new: fresh.value() } });
      if (old) old.input.value = "";
      fresh.clear();
      toast(t("password.changed"));
      document.dispatchEvent(new CustomEvent("sessions"));
    },
    { kind: "" },
  );
  return card(t("password"), form);
}

/** @param {string} title @param {...Node} children */
function card(title, ...children) {
  const el = section(title, [], ...children);
  el.classList.add("card");
  return el;
}
