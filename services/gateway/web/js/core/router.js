// @ts-check
// Pages by address, with the history API: links are plain links, back and reload work.
import { fill } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {{signal: AbortSignal, query: URLSearchParams}} Visit `signal` aborts when the page is left */
/** @typedef {{key: string, draw: (visit: Visit) => HTMLElement}} Page `key`: "nav.<key>" is its title */

/** Other names of pages, as people type them. @type {Record<string, string>} */
const ALIASES = { "/chat": "/chat_system", "/video": "/video_generation", "/training": "/model_training" };

/** @type {Record<string, Page>} */
let pages = {};
/** @type {HTMLElement} */
let place;
let leave = new AbortController();
let shown = "";

/** @param {HTMLElement} main @param {Record<string, Page>} table */
export function route(main, table) {
  place = main;
  pages = table;
  addEventListener("popstate", () => show());
  document.addEventListener("language", () => show(false));
  document.addEventListener("click", follow);
  show(false);
}

/** @param {MouseEvent} e */
function follow(e) {
  if (e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const a = e.target instanceof Element ? e.target.closest("a") : null;
  if (!a || a.target || a.hasAttribute("download") || a.origin !== location.origin || !(a.pathname in pages)) return;
  e.preventDefault();
  go(a.pathname + a.search);
}

/** @param {string} path */
export function go(path) {
  if (path === location.pathname + location.search && shown === location.pathname) return;
  history.pushState(null, "", path);
  show();
}

/** Sets one part of the query without leaving the page, so that a reload finds it. @param {string} name @param {string | null} value */
export function setQuery(name, value) {
  const url = new URL(location.href);
  if (value) url.searchParams.set(name, value);
  else url.searchParams.delete(name);
  history.replaceState(null, "", url);
}

/** @returns {string} */
export const current = () => shown;

function show(move = true) {
  leave.abort();
  leave = new AbortController();
  const alias = ALIASES[location.pathname];
  if (alias) history.replaceState(null, "", alias + location.search);
  const path = location.pathname in pages ? location.pathname : "/404";
  const page = pages[path];
  shown = path;
  place.className = `main ${page.key}-main`;
  fill(place, page.draw({ signal: leave.signal, query: new URLSearchParams(location.search) }));
  document.title = `${t(`nav.${page.key}`)} · 画声 Huasheng`;
  document.dispatchEvent(new CustomEvent("route"));
  if (!move) return;
  scrollTo(0, 0);
  const title = place.querySelector("h1");
  title?.setAttribute("tabindex", "-1");
  title?.focus({ preventScroll: true });
}
