// @ts-check
// When the session ends while one works, one signs in over the page, and what was typed stays.
import { announce } from "../components/announcements.js";
import { openDialog } from "../components/dialog.js";
import { loadable } from "../components/loadable.js";
import { account, fetchAccount, isOpenPage } from "../core/account.js";
import { get } from "../core/api.js";
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { signInForm } from "./sign_in_form.js";

/** @typedef {import("../core/account_types.js").SignInWays} SignInWays */

let isOpen = false;

/** Watches for answers that say that nobody is signed in. */
export function guardSignIn() {
  document.addEventListener("sign-in-needed", () => {
    if (!isOpen && !isOpenPage(location.pathname)) askToSignIn();
  });
}

function askToSignIn() {
  isOpen = true;
  const before = account();
  /** The same person goes on where they were; another one must not see it. */
  async function goOn() {
    await fetchAccount();
    if (!before || account()?.id !== before.id) return location.reload();
    close();
    for (const card of document.querySelectorAll('.problem[data-reason="sign-in-needed"]')) card.remove();
    document.dispatchEvent(new CustomEvent("signed-in"));
    announce(t("sign_in.again.done"));
  }
  const lifetime = new AbortController();
  const next = location.pathname + location.search;
  const body = loadable(
    () => /** @type {Promise<SignInWays>} */ (get("/sign-in", lifetime.signal)),
    (ways) => signInForm(ways, { name: before?.name, next, onsignedin: goOn }),
    { skeletons: 2, height: 56 },
  );
  const close = openDialog({
    title: t("sign_in.again"),
    wide: 420,
    must: true,
    body: [h("p", { class: "muted dialog-lead" }, t("sign_in.again.text")), body.el],
    onclose: () => {
      isOpen = false;
      lifetime.abort();
    },
  });
  // signed in again in another tab
  async function look() {
    if (!document.hidden && (await fetchAccount().catch(() => false))) await goOn();
  }
  document.addEventListener("visibilitychange", () => void look(), { signal: lifetime.signal });
}
