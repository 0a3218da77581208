// @ts-check
// Parts of the list of people and of the dialog about one.
import { pill } from "../components/layout.js";
import { secretBox } from "../components/secret_box.js";
import { button, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/account_types.js").User} User */

/** @param {User} user */
export function statePill({ disabled, has_password, has_provider }) {
  if (disabled) return pill(t("people.closed"), "bad");
  return has_password || has_provider ? pill(t("people.open"), "good") : pill(t("people.invited"), "warn");
}

/** The link with which a person chooses a password, shown once. @param {string} name @param {string} link
 * @param {() => void} close */
export const linkShown = (name, link, close) => [
  h("p", null, t("people.link.text", { name })),
  secretBox(t("people.link"), link, t("people.link.once")),
  h("div", null, button({ label: t("done"), kind: "primary", onclick: close })),
];
