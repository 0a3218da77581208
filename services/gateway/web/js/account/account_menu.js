// @ts-check
// Who is signed in, in the header: account, administration, sign out.
import { toast } from "../components/announcements.js";
import { linkButton } from "../components/link_button.js";
import { account, isSignedOut, shownName, signInAddress, signOut } from "../core/account.js";
import { problemOf } from "../core/api.js";
import { button, h, icon } from "../core/dom.js";
import { t } from "../i18n/translate.js";

let lifetime = new AbortController();

/** The menu, a link to the sign-in page, or nothing where there are no accounts. A new menu replaces the one before. */
export function accountMenu() {
  lifetime.abort();
  lifetime = new AbortController();
  const me = account();
  if (me) return menu(me, lifetime.signal);
  if (!isSignedOut()) return null;
  return linkButton({ href: signInAddress(), label: t("sign_in"), kind: "small sign-in-link" });
}

/** @param {import("../core/account_types.js").Me} me @param {AbortSignal} signal */
function menu(me, signal) {
  const name = shownName(me);
  const items = h(
    "div",
    { class: "menu-items", id: "account-menu", hidden: true },
    h("p", { class: "menu-who small-text muted" }, t("account.as", { name: me.name })),
    menuLink("/account", "avatar", t("nav.account")),
    me.role === "admin" ? menuLink("/admin", "people", t("nav.admin")) : null,
    button({ icon: "leave", label: t("sign_out"), kind: "quiet start", onclick: () => void leave() }),
  );
  const toggle = h(
    "button",
    {
      type: "button",
      class: "button quiet small account-button",
      "aria-label": t("account.menu", { name }),
      "aria-expanded": "false",
      "aria-controls": "account-menu",
      on: { click: () => show(items.hidden) },
    },
    h("span", { class: "initial", "data-initial": [...name][0].toUpperCase() }),
    h("span", { class: "clip account-name" }, name),
  );
  /** @param {boolean} on */
  function show(on) {
    items.hidden = !on;
    toggle.setAttribute("aria-expanded", String(on));
  }
  const el = h("div", { class: "account-menu" }, toggle, items);
  const outside = (/** @type {Event} */ e) => e.target instanceof Node && !el.contains(e.target) && show(false);
  document.addEventListener("pointerdown", outside, { signal });
  document.addEventListener("focusin", outside, { signal });
  document.addEventListener("route", () => show(false), { signal });
  el.addEventListener("keydown", (e) => {
    if (e.key !== "Escape" || items.hidden) return;
    show(false);
    toggle.focus();
  });
  return el;
}

/** @param {string} href @param {string} name @param {string} label */
const menuLink = (href, name, label) => h("a", { class: "button quiet start", href }, icon(name), label);

async function leave() {
  try {
    await signOut();
  } catch (error) {
    const { title, detail } = problemOf(error);
    toast(`${title} ${detail}`);
  }
}
