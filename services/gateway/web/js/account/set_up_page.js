// @ts-check
// The first admin, by the link that the gateway logs at its first start.
import { field } from "../components/form.js";
import { emptyState } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { submitForm } from "../components/submit_form.js";
import { call, get } from "../core/api.js";
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { door } from "./door.js";
import { newPasswordFields } from "./password_field.js";
import { noAccounts } from "./sign_in_page.js";

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function setUpPage({ signal }) {
  const link = location.hash.slice(1);
  const body = loadable(
    () => /** @type {Promise<import("../core/account_types.js").SignInWays>} */ (get("/sign-in", signal)),
    (ways) => {
      if (!ways.accounts) return noAccounts();
      if (ways.set_up) return done();
      return link ? form(link) : emptyState("link", t("set_up.no_link"));
    },
    { skeletons: 3, height: 56 },
  );
  return door(t("set_up"), t("set_up.lead"), body.el);
}

const done = () =>
  emptyState("check", t("set_up.done"), linkButton({ href: "/sign-in", label: t("sign_in"), kind: "primary" }));

/** @param {string} link */
function form(link) {
  const name = h("input", {
    class: "input",
    required: true,
    minlength: 2,
    maxlength: 64,
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
  });
  const shown = h("input", { class: "input", maxlength: 80, autocomplete: "name" });
  const password = newPasswordFields(() => name.value);
  const fields = [
    field(t("sign_in.name"), name, t("account.name.help")),
    field(t("account.shown"), shown, t("account.shown.help")),
    ...password.elements,
  ];
  return submitForm(t("set_up.go"), fields, async () => {
    const body = { link, name: name.value, display_name: shown.value.trim(), password: password.value() };
    await call("POST", "/set-up", { body });
    location.replace("/");
  });
}
