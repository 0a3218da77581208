// @ts-check
// Settings, choices and drafts in the browser's storage. Without storage they last until the page is closed.

/** @type {Map<string, string>} */
const memory = new Map();

/**
 * @template T
 * @param {string} key @param {T} otherwise @returns {T}
 */
export function loadPreference(key, otherwise) {
  try {
    const text = localStorage.getItem(`huasheng.${key}`) ?? memory.get(key);
    return text === null || text === undefined ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** @param {string} key @param {unknown} value `undefined` removes the entry */
export function savePreference(key, value) {
  const text = JSON.stringify(value);
  try {
    if (value === undefined) localStorage.removeItem(`huasheng.${key}`);
    else localStorage.setItem(`huasheng.${key}`, text);
  } catch {
    // Storage is blocked or full: `memory` still holds the value.
  }
  if (value === undefined) memory.delete(key);
  else memory.set(key, text);
}

/** Removes everything but `kept`. @param {string[]} kept */
export function forgetPreferences(kept) {
  const isKept = (/** @type {string} */ key) => kept.includes(key.replace("huasheng.", ""));
  for (const key of [...memory.keys()]) if (!isKept(key)) memory.delete(key);
  try {
    const own = Object.keys(localStorage).filter((key) => key.startsWith("huasheng.") && !isKept(key));
    for (const key of own) localStorage.removeItem(key);
  } catch {
    // Storage is blocked: nothing was kept there.
  }
}

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @returns {Theme} */
export const theme = () => loadPreference("theme", /** @type {Theme} */ ("auto"));

/** @param {Theme} value */
export function setTheme(value) {
  savePreference("theme", value);
  if (value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
}
