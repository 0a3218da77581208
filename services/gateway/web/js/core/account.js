// @ts-check
// Who is signed in. Where the server has no accounts nobody is, and nothing of them is shown.
import { call, get, Problem } from "./api.js";
import { forgetPreferences, loadPreference, savePreference } from "./preferences.js";

/** @typedef {import("./account_types.js").Me} Me */

/** Pages that show something to people who are not signed in. */
const OPEN_PAGES = ["/sign-in", "/setup", "/password", "/verify"];
/** What belongs to the browser, whoever uses it. */
const OF_THE_BROWSER = ["lang", "theme", "live.device", "live.volume"];
const FIRST_ANSWER_MS = 3000;

/** @type {Me | null} */
let current = null;
let isOut = false;

/** Who is signed in; `null` for nobody, or where the server has no accounts. */
export const account = () => current;

export const isAdmin = () => current?.role === "admin";

/** Whether the server has accounts and nobody is signed in. */
export const isSignedOut = () => isOut;

/** The name to show. @param {{name: string, display_name: string}} person */
export const shownName = ({ name, display_name }) => display_name || name;

/** Asks who is signed in. @returns {Promise<boolean>} whether the page can be used */
export async function fetchAccount() {
  try {
    const found = /** @type {Me} */ (await get("/me"));
    if (found.accounts) separate(found.id);
    set(found.accounts ? found : null, false);
  } catch (error) {
    if (!(error instanceof Problem) || error.body.status !== 401) throw error;
    set(null, true);
  }
  return !isOut;
}

/** The first answer; when it does not come the page opens as usual and shows what keeps it. */
export async function startAccount() {
  const late = new Promise((done) => setTimeout(() => done(true), FIRST_ANSWER_MS));
  return /** @type {Promise<boolean>} */ (Promise.race([fetchAccount().catch(() => true), late]));
}

/** Looks whether the session is still good; `sign-in-needed` is reported where it is not. */
export function checkSession() {
  if (current) get("/me").catch(() => {}); // other failures show where they matter
}

/** @param {Me} me what the server answered to a change */
export const changeAccount = (me) => set(me, false);

/** @param {Me | null} me @param {boolean} out */
function set(me, out) {
  current = me;
  isOut = out;
  document.dispatchEvent(new CustomEvent("account"));
}

/** Drafts and choices of one person are not shown to the next one. @param {string} id */
function separate(id) {
  const last = loadPreference("account", "");
  if (last && last !== id) forgetPreferences(OF_THE_BROWSER);
  savePreference("account", id);
}

/** Ends the session and forgets what was typed. */
export async function signOut() {
  try {
    await call("DELETE", "/sign-in");
  } catch (error) {
    if (!(error instanceof Problem) || error.body.status !== 401) throw error; // 401: it had ended already
  }
  leave();
}

/** The sign-in page, without anything of the person who was signed in. */
export function leave() {
  forgetPreferences(OF_THE_BROWSER);
  location.assign("/sign-in");
}

/** @param {string} path */
export const isOpenPage = (path) => OPEN_PAGES.includes(path) || path.startsWith("/shared/");

/** The sign-in page, which leads back to where one is. */
export function signInAddress() {
  const here = location.pathname + location.search;
  return here === "/" || OPEN_PAGES.includes(location.pathname)
    ? "/sign-in"
    : `/sign-in?next=${encodeURIComponent(here)}`;
}

/** Where to go after signing in: a place of this page, never another site. @param {string | null} next */
export function safeNext(next) {
  if (!next?.startsWith("/")) return "/";
  const url = new URL(next, location.origin);
  const isOurs = url.origin === location.origin && !OPEN_PAGES.includes(url.pathname);
  return isOurs ? url.pathname + url.search : "/";
}
