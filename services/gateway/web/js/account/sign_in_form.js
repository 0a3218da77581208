// @ts-check
// Name and password, or the button of the provider.
import { field } from "../components/form.js";
import { linkButton } from "../components/link_button.js";
import { submitForm } from "../components/submit_form.js";
import { call } from "../core/api.js";
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { passwordField } from "./password_field.js";

/** @typedef {import("../core/account_types.js").SignInWays} SignInWays */

/**
 * @param {SignInWays} ways
 * @param {{name?: string, next: string, onsignedin: () => Promise<void> | void}} options `name`: filled in already
 */
export function signInForm(ways, { name: known = "", next, onsignedin }) {
  const name = h("input", {
    class: "input",
    value: known,
    required: true,
    maxlength: 64,
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
  });
  const password = passwordField(t("password"), "current-password");
  const form = submitForm(t("sign_in.go"), [field(t("sign_in.name"), name), password.el], async () => {
    const mark = (/** @type {boolean} */ wrong) =>
      [name, password.input].forEach((el) => el.setAttribute("aria-invalid", String(wrong)));
    try {
      await call("POST", "/sign-in", { body: { name: name.value, password: password.input.value } });
      mark(false);
    } catch (error) {
      mark(true);
      password.input.select();
      throw error;
    }
    await onsignedin();
  });
  form.querySelector("button[type=submit]")?.classList.add("wide");
  return h("div", { class: "stack loose" }, form, ways.provider ? providerButton(ways.provider, next) : null);
}

/** @param {string} provider @param {string} next */
function providerButton(provider, next) {
  const href = `/api/v1/sign-in/oidc?next=${encodeURIComponent(next)}`;
  return h(
    "div",
    { class: "stack" },
    h("p", { class: "or small-text muted" }, h("span", null, t("sign_in.or"))),
    linkButton({ href, label: t("sign_in.provider", { provider }), icon: "people", kind: "wide" }),
  );
}
