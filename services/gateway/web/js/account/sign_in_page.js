// @ts-check
// The sign-in page.
import { emptyState, note } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { account, safeNext, shownName, signOut } from "../core/account.js";
import { get } from "../core/api.js";
import { button } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { door } from "./door.js";
import { signInForm } from "./sign_in_form.js";

/** @typedef {import("../core/account_types.js").SignInWays} SignInWays */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function signInPage({ signal, query }) {
  const next = safeNext(query.get("next"));
  const problem = query.get("problem");
  const asked = problem ? `/sign-in?problem=${encodeURIComponent(problem)}` : "/sign-in";
  const body = loadable(
    () => /** @type {Promise<SignInWays>} */ (get(asked, signal)),
    (ways) => content(ways, next),
    { skeletons: 2, height: 56, class: "stack loose" },
  );
  return door(t("sign_in"), t("sign_in.lead"), body.el);
}

/** @param {SignInWays} ways @param {string} next */
function content(ways, next) {
  if (!ways.accounts) return noAccounts();
  const me = account();
  if (me)
    return emptyState(
      "check",
      t("sign_in.already", { name: shownName(me) }),
      linkButton({ href: next, label: t("sign_in.on"), kind: "primary" }),
    );
  if (!ways.set_up) return note(t("sign_in.first"));
  const go = () => location.replace(next); // a full load: everything is fetched as this person
  return [
    ways.problem ? problemCard(ways.problem) : null,
    signInForm(ways, { next, onsignedin: go }),
    note(t("sign_in.lost")),
  ];
}

/** Said where the server has one user and no accounts. */
export const noAccounts = () =>
  emptyState("info", t("accounts.off"), linkButton({ href: "/", label: t("nav.home"), kind: "primary" }));

/** Said to people who are signed in where a link is for somebody else. */
export const signOutFirst = () => {
  const me = account();
  if (!me) return null;
  const out = button({ label: t("sign_out"), kind: "small", onclick: () => void signOut() });
  const el = note(t("link.signed_in", { name: shownName(me) }), { kind: "warn", icon: "alert" });
  el.append(out);
  return el;
};
