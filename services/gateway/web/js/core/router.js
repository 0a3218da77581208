// @ts-check
// Client-side routing with the history API. Links are plain links; back and reload work.
import { t } from "../i18n/translate.js";
import { fill } from "./dom.js";

/** @typedef {{signal: AbortSignal, query: URLSearchParams}} Visit `signal` aborts when the user leaves the page */
/** @typedef {{key: string, draw: (visit: Visit) => HTMLElement}} Page `key`: `nav.<key>` is the key of its title */

/** Short addresses of pages. @type {Record<string, string>} */
const ALIASES = { "/chat": "/chat_system", "/video": "/video_generation", "/training": "/model_training" };

/** @type {Record<string, Page>} */
let pages = {};

/** @type {HTMLElement} */
let mainElement;
let pageLifetime = new AbortController();
let shownPath = "";

/** @param {HTMLElement} main @param {Record<string, Page>} table */
export function startRouter(main, table) {
  mainElement = main;
  pages = table;
  addEventListener("popstate", () => showPage());
  document.addEventListener("language", () => showPage(false));
  document.addEventListener("click", followLink);
  showPage(false);
}

/** The page at an address; an entry `/shared/*` stands for all addresses below `/shared`. @param {string} path */
const pageAt = (path) => pages[path] ?? pages[`${path.slice(0, path.lastIndexOf("/"))}/*`];

/** @param {MouseEvent} e */
function followLink(e) {
  if (e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const a = e.target instanceof Element ? e.target.closest("a") : null;
  if (!a || a.target || a.hasAttribute("download") || a.origin !== location.origin || !pageAt(a.pathname)) return;
  e.preventDefault();
  navigate(a.pathname + a.search);
}

/** @param {string} path */
export function navigate(path) {
  if (path === location.pathname + location.search && shownPath === location.pathname) return;
  history.pushState(null, "", path);
  showPage();
}

/**
 * Sets a query parameter without leaving the page, so that a reload restores it.
 * @param {string} name
 * @param {string | null} value
 */
export function setQuery(name, value) {
  const url = new URL(location.href);
  if (value) url.searchParams.set(name, value);
  else url.searchParams.delete(name);
  history.replaceState(null, "", url);
}

/** @returns {string} */
export const currentPath = () => shownPath;

function showPage(move = true) {
  pageLifetime.abort();
  pageLifetime = new AbortController();
  const alias = ALIASES[location.pathname];
  if (alias) history.replaceState(null, "", alias + location.search);
  const page = pageAt(location.pathname) ?? pages["/404"];
  shownPath = location.pathname;
  mainElement.className = `main ${page.key}-main`;
  fill(mainElement, page.draw({ signal: pageLifetime.signal, query: new URLSearchParams(location.search) }));
  document.title = `${t(`nav.${page.key}`)} · 画声 Huasheng`;
  document.dispatchEvent(new CustomEvent("route"));
  if (!move) return;
  scrollTo(0, 0);
  const title = mainElement.querySelector("h1");
  title?.setAttribute("tabindex", "-1");
  title?.focus({ preventScroll: true });
}
