// @ts-check
// What this browser remembers: theme, language, choices and drafts. Survives reloads; works (forgetfully) without storage.

/** @type {Map<string, string>} */
const memory = new Map();

/**
 * @template T
 * @param {string} key @param {T} otherwise @returns {T}
 */
export function recall(key, otherwise) {
  try {
    const text = localStorage.getItem(`huasheng.${key}`) ?? memory.get(key);
    return text === null || text === undefined ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** @param {string} key @param {unknown} value `undefined` forgets */
export function remember(key, value) {
  const text = JSON.stringify(value);
  try {
    if (value === undefined) localStorage.removeItem(`huasheng.${key}`);
    else localStorage.setItem(`huasheng.${key}`, text);
  } catch {
    // Storage is closed or full: this page view still remembers.
  }
  if (value === undefined) memory.delete(key);
  else memory.set(key, text);
}

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @returns {Theme} */
export const theme = () => recall("theme", /** @type {Theme} */ ("auto"));

/** @param {Theme} value */
export function setTheme(value) {
  remember("theme", value);
  if (value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
}
