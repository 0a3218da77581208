// @ts-check
// The frame around every page: navigation, header, running jobs, language, theme, and the service banner.
import { accountMenu } from "../account/account_menu.js";
import { account, isAdmin, isSignedOut } from "../core/account.js";
import { button, fill, h, icon, seal } from "../core/dom.js";
import { setTheme, theme } from "../core/preferences.js";
import { currentPath } from "../core/router.js";
import { watchSystem } from "../core/server_state.js";
import { language, setLanguage, t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { openDialog } from "./dialog.js";

import { jobsButton } from "../jobs/jobs_button.js";
import { drawServiceBanner } from "../system/service_banner.js";
import { announce, liveRegions } from "./announcements.js";

/** Pages in the order of the rail. @type {NavigationItem[]} */
const NAVIGATION = [
  ["/chat_system", "chat", "chat"],
  ["/video_generation", "video", "video"],
  ["/model_training", "training", "training"],
  ["/avatars", "avatars", "avatar"],
  ["/voices", "voices", "voice"],
  ["/jobs", "jobs", "jobs"],
  ["/verify", "verify", "shield"],
  ["/system", "system", "system"],
];

/** Pages that belong to one in the rail. @type {Record<string, string>} */
const PARTS = { "/dubbing": "/video_generation", "/batches": "/video_generation" };

/** @type {NavigationItem} */
const HOME = ["/", "home", "home"];
/** Pages behind the last tab of a phone. */
const MORE = [HOME, ...NAVIGATION.slice(4)];
/** Pages of people with accounts, for the same tab. */
const OWN = /** @type {NavigationItem[]} */ ([
  ["/account", "account", "avatar"],
  ["/admin", "admin", "people"],
]);
const THEMES = /** @type {const} */ ([
  ["auto", "auto"],
  ["light", "sun"],
  ["dark", "moon"],
]);
const forever = new AbortController().signal;

/** @typedef {[path: string, key: string, icon: string]} NavigationItem */

/** @param {NavigationItem} item */
const navLink = ([path, key, name]) =>
  h("a", { class: "nav-link", href: path }, icon(name), h("span", null, t(`nav.${key}.short`)));

/** Builds the frame, once. @param {HTMLElement} app @returns {HTMLElement} the element for the pages */
export function appShell(app) {
  const main = h("main", { class: "main", id: "main", tabindex: "-1" });
  const rail = h("nav", { class: "rail" });
  const tabs = h("nav", { class: "tabs" });
  const header = h("header", { class: "header" });
  const banner = h("div", { role: "status", class: "banner-place" });
  const skip = h("a", {
    class: "skip",
    href: "#main",
    on: { click: (/** @type {Event} */ e) => (e.preventDefault(), main.focus()) },
  });
  const holder = h("div", { class: "main-holder" }, banner, main);
  app.className = "app";
  fill(app, skip, rail, header, holder, tabs);
  document.body.append(...liveRegions());

  const draw = () => {
    skip.textContent = t("skip");
    rail.setAttribute("aria-label", t("nav"));
    tabs.setAttribute("aria-label", t("nav"));
    fill(
      rail,
      brand(),
      ...NAVIGATION.slice(0, 5).map(navLink),
      h("div", { class: "gap" }),
      ...NAVIGATION.slice(5).map(navLink),
    );
    fill(tabs, ...NAVIGATION.slice(0, 4).map(navLink), moreButton());
    const grow = h("span", { class: "grow" });
    fill(header, brand(), grow, isSignedOut() ? null : jobsButton(), languageButton(), themeButton(), accountMenu());
    app.classList.toggle("bare", isSignedOut());
    markCurrentLink();
    drawServiceBanner(banner);
  };
  draw();
  document.addEventListener("language", draw);
  document.addEventListener("account", draw);
  document.addEventListener("route", markCurrentLink);
  jobs.watchConnection(forever, () => drawServiceBanner(banner));
  watchSystem(forever, () => drawServiceBanner(banner));
  return main;
}

const brand = () => h("a", { class: "brand", href: "/", "aria-label": t("nav.home"), title: t("nav.home") }, seal());

function markCurrentLink() {
  const now = PARTS[currentPath()] ?? currentPath();
  for (const a of document.querySelectorAll("a.nav-link")) mark(a, a.getAttribute("href") === now ? "page" : null);
  const inMore = [...MORE, ...OWN].some(([path]) => path === now);
  for (const more of document.querySelectorAll("button.nav-link")) mark(more, inMore ? "true" : null);
}

/** @param {Element} el @param {string | null} current */
function mark(el, current) {
  if (current) el.setAttribute("aria-current", current);
  else el.removeAttribute("aria-current");
}

function moreButton() {
  const open = () =>
    openDialog({
      title: t("nav.more"),
      wide: 320,
      body: [
        h("nav", { class: "stack tight", "aria-label": t("nav.more") }, ...[...MORE, ...ownPages()].map(wideLink)),
      ],
    });
  return h(
    "button",
    { type: "button", class: "nav-link", on: { click: open } },
    icon("more"),
    h("span", null, t("nav.more")),
  );
}

const ownPages = () => OWN.slice(0, account() ? (isAdmin() ? 2 : 1) : 0);

/** @param {NavigationItem} item */
const wideLink = ([path, key, name]) =>
  h(
    "a",
    { class: "button quiet start", href: path, "aria-current": path === currentPath() ? "page" : null },
    icon(name),
    t(`nav.${key}`),
  );

function languageButton() {
  const other = language() === "zh" ? "en" : "zh";
  return h(
    "button",
    {
      type: "button",
      class: "button quiet small",
      lang: other === "zh" ? "zh-CN" : "en",
      "data-switch": "language",
      on: { click: () => setLanguage(other) },
    },
    other === "zh" ? "中文" : "English",
  );
}

function themeButton() {
  const at = THEMES.findIndex(([name]) => name === theme());
  const [name, picture] = THEMES[at];
  const next = THEMES[(at + 1) % THEMES.length][0];
  const el = button({
    icon: picture,
    label: t("theme", { now: t(`theme.${name}`), next: t(`theme.${next}`) }),
    bare: true,
    "data-switch": "theme",
    onclick: () => {
      setTheme(next);
      const again = themeButton();
      el.replaceWith(again);
      again.focus();
      announce(t(`theme.${next}`));
    },
  });
  return el;
}
