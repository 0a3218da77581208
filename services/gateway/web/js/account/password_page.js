// @ts-check
// Choosing a password with a link that an admin sent.
import { emptyState } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { submitForm } from "../components/submit_form.js";
import { shownName } from "../core/account.js";
import { call, Problem } from "../core/api.js";
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { door } from "./door.js";
import { newPasswordFields } from "./password_field.js";
import { noAccounts, signOutFirst } from "./sign_in_page.js";

/** @typedef {{name: string, display_name: string, is_new: boolean}} PasswordLink */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function passwordPage({ signal }) {
  const link = location.hash.slice(1);
  const body = loadable(
    () => open(link, signal),
    (found) => {
      if (found instanceof Problem) {
        const { reason, detail, hint } = found.body;
        return reason === "accounts-off" ? noAccounts() : emptyState("link", `${detail} ${hint}`);
      }
      return found ? [signOutFirst(), form(link, found)] : emptyState("link", t("password.no_link"));
    },
    { skeletons: 2, height: 56 },
  );
  return door(t("password.choose"), "", body.el);
}

/**
 * Whom the link is for; a refusal is no failure of the page, so it is returned. @param {string} link
 * @param {AbortSignal} signal @returns {Promise<PasswordLink | Problem | null>}
 */
async function open(link, signal) {
  if (!link) return null;
  try {
    return await call("POST", "/password-links/open", { body: { link }, signal });
  } catch (error) {
    if (error instanceof Problem && ["link-used", "accounts-off"].includes(error.body.reason)) return error;
    throw error;
  }
}

/** @param {string} link @param {PasswordLink} found */
function form(link, found) {
  const { name, is_new } = found;
  const who = is_new ? "password.welcome" : "password.for";
  const password = newPasswordFields(() => name);
  // browsers keep the password under this name
  const username = h("input", { value: name, autocomplete: "username", readonly: true, hidden: true });
  const lead = h("p", null, t(who, { shown: shownName(found), name }));
  return submitForm(t("password.save_and_in"), [lead, username, ...password.elements], async () => {
    await call("POST", "/password-links/use", { body: { link, password: password.value() } });
    location.replace("/");
  });
}
