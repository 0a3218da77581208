// @ts-check
// Taking one's things along, and leaving.
import { openDialog } from "../components/dialog.js";
import { field } from "../components/form.js";
import { note, section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { submitForm } from "../components/submit_form.js";
import { leave } from "../core/account.js";
import { call } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { passwordField } from "./password_field.js";

/** @typedef {import("../core/account_types.js").Me} Me */

/** @param {Me} me */
export function leavingSection(me) {
  const take = linkButton({ href: "/api/v1/me/export", label: t("export.go"), icon: "download", download: true });
  const remove = button({
    icon: "trash",
    label: t("remove_me"),
    kind: "danger",
    onclick: () => openRemoval(me),
  });
  return section(
    t("account.data"),
    [],
    h(
      "div",
      { class: "card rows" },
      h("div", { class: "row wrap apart" }, words(t("export"), t("export.text")), take),
      h("div", { class: "row wrap apart" }, words(t("remove_me"), t("remove_me.short")), remove),
    ),
  );
}

/** @param {string} title @param {string} text */
const words = (title, text) =>
  h("div", { class: "grow words" }, h("strong", null, title), h("p", { class: "small-text muted" }, text));

/** @param {Me} me */
function openRemoval(me) {
  const name = h("input", {
    class: "input",
    required: true,
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
  });
  const password = me.has_password ? passwordField(t("password"), "current-password") : null;
  const fields = [
    note(t("remove_me.text"), { kind: "warn", icon: "alert" }),
    field(t("remove_me.name", { name: me.name }), name),
    password?.el ?? null,
  ];
  const form = submitForm(
    t("remove_me.go"),
    fields,
    async () => {
      await call("DELETE", "/me", { body: { name: name.value, password: password?.input.value ?? "" } });
      leave();
    },
    { beside: [button({ label: t("keep"), onclick: () => close() })] },
  );
  const close = openDialog({ title: t("remove_me"), wide: 460, body: [form] });
}
