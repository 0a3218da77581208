// @ts-check
// What surrounds every page: rail, tabs, header, running jobs, language, theme, and the banner when something is down.
import { button, fill, h, icon, ring, seal } from "../core/dom.js";
import { system, watchSystem } from "../core/facts.js";
import { language, setLanguage, t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { setTheme, theme } from "../core/prefs.js";
import { current } from "../core/router.js";
import { openDialog } from "./dialog.js";
import { jobRow } from "./job.js";
import { announce, empty, voices } from "./say.js";

/** Pages in the order of the rail: address, name, icon. */
export const PLACES = [
  ["/chat_system", "chat", "chat"],
  ["/video_generation", "video", "video"],
  ["/model_training", "training", "training"],
  ["/avatars", "avatars", "avatar"],
  ["/voices", "voices", "voice"],
  ["/jobs", "jobs", "jobs"],
  ["/system", "system", "system"],
];
const THEMES = /** @type {const} */ ([
  ["auto", "auto"],
  ["light", "sun"],
  ["dark", "moon"],
]);
const forever = new AbortController().signal;

/** @param {string[]} place */
const navLink = ([path, key, name]) =>
  h("a", { class: "nav-link", href: path }, icon(name), h("span", null, t(`nav.${key}.short`)));

/** Builds the frame once; returns the place for pages. @param {HTMLElement} app @returns {HTMLElement} */
export function frame(app) {
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
  document.body.append(...voices());

  const draw = () => {
    skip.textContent = t("skip");
    rail.setAttribute("aria-label", t("nav"));
    tabs.setAttribute("aria-label", t("nav"));
    fill(
      rail,
      brand(),
      ...PLACES.slice(0, 5).map(navLink),
      h("div", { class: "gap" }),
      ...PLACES.slice(5).map(navLink),
    );
    fill(tabs, ...PLACES.slice(0, 4).map(navLink), moreButton());
    fill(header, brand(), h("span", { class: "grow" }), jobsButton(), languageButton(), themeButton());
    mark();
    drawBanner(banner);
  };
  draw();
  document.addEventListener("language", draw);
  document.addEventListener("route", mark);
  jobs.watchConnection(forever, () => drawBanner(banner));
  watchSystem(forever, () => drawBanner(banner));
  return main;
}

const brand = () => h("a", { class: "brand", href: "/", "aria-label": t("nav.home"), title: t("nav.home") }, seal());

function mark() {
  for (const a of document.querySelectorAll("a.nav-link")) {
    if (a.getAttribute("href") === current()) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
}

function moreButton() {
  const open = () =>
    openDialog({
      title: t("nav.more"),
      wide: 320,
      body: [
        h(
          "nav",
          { class: "stack tight", "aria-label": t("nav.more") },
          ...[["/", "home", "home"], ...PLACES.slice(4)].map(wideLink),
        ),
      ],
    });
  return h(
    "button",
    { type: "button", class: "nav-link", on: { click: open } },
    icon("more"),
    h("span", null, t("nav.more")),
  );
}

/** @param {string[]} place */
const wideLink = ([path, key, name]) =>
  h(
    "a",
    { class: "button quiet start", href: path, "aria-current": path === current() ? "page" : null },
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

let leaveDrawer = new AbortController();
let leaveRing = new AbortController();

function jobsButton() {
  leaveRing.abort();
  leaveRing = new AbortController();
  const circle = ring();
  const count = h("span", { class: "ring-count num" });
  const el = h("button", {
    type: "button",
    class: "icon-button ring-button",
    "data-open": "jobs",
    on: { click: drawer },
  });
  const draw = () => {
    const running = jobs.active();
    const label = running.length ? t("jobs.running", { n: running.length }) : t("jobs.none");
    el.setAttribute("aria-label", label);
    el.title = label;
    circle.set(running.length ? running.reduce((sum, j) => sum + j.progress, 0) / running.length : 0);
    count.textContent = String(running.length);
    if (running.length) fill(el, circle.el, count);
    else fill(el, icon("jobs"));
  };
  draw();
  jobs.watch(leaveRing.signal, draw);
  return el;
}

function drawer() {
  leaveDrawer.abort();
  leaveDrawer = new AbortController();
  const signal = leaveDrawer.signal;
  const rows = h("ul", { class: "stack" });
  const none = empty("jobs", t("jobs.none.text"));
  const shown = new Set();
  const draw = () => {
    for (const job of jobs.active()) {
      if (shown.has(job.id)) continue;
      shown.add(job.id);
      rows.append(jobRow(job, signal));
    }
    none.hidden = shown.size > 0;
  };
  draw();
  jobs.watch(signal, draw);
  openDialog({
    title: t("jobs.now"),
    drawer: true,
    body: [rows, none],
    footer: () => [h("a", { class: "button", href: "/jobs" }, t("jobs.all"))],
    onclose: () => leaveDrawer.abort(),
  });
}

/** @param {HTMLElement} place */
function drawBanner(place) {
  if (!jobs.online()) return fill(place, banner("offline", t("banner.offline")));
  const off = system()?.services.filter((s) => s.status !== "serving") ?? [];
  if (!off.length) return fill(place);
  const parts = off.map((s) =>
    t(s.status === "loading" ? "banner.loading" : "banner.down", {
      service: t(`service.${s.service}`),
      rest: t(`banner.rest.${s.service}`),
    }),
  );
  fill(place, banner("alert", parts.join(" ")));
}

/** @param {string} name @param {string} text */
const banner = (name, text) => h("div", { class: "banner" }, icon(name), h("p", null, text));
