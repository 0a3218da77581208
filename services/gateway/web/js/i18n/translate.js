// @ts-check
// Texts in Chinese and English. Both dictionaries have the same keys (a test compares them).
import { loadPreference, savePreference } from "../core/preferences.js";
import { en } from "./en/index.js";
import { zh } from "./zh/index.js";

/** @typedef {"zh" | "en"} Lang */

const dictionaries = { zh, en };
const preferred = () =>
  /** @type {Lang} */ ((navigator.languages ?? [navigator.language]).some((l) => /^zh/i.test(l)) ? "zh" : "en");

/** @type {Lang} */
let lang = loadPreference("lang", preferred());
document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";

/** @returns {Lang} */
export const language = () => lang;

/** @param {Lang} value */
export function setLanguage(value) {
  lang = value;
  savePreference("lang", value);
  document.documentElement.lang = value === "zh" ? "zh-CN" : "en";
  document.dispatchEvent(new CustomEvent("language"));
}

/** Whether the dictionary has `key`. @param {string} key */
export const hasText = (key) => key in dictionaries[lang];

/**
 * The text for `key`, `{names}` filled in. A missing key is returned as it is and logged to the console.
 * @param {string} key @param {Record<string, string | number>} [params]
 */
export function t(key, params = {}) {
  const text = /** @type {Record<string, string>} */ (dictionaries[lang])[key];
  if (text === undefined) {
    console.error(`no text for ${key} in ${lang}`);
    return key;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => String(params[name] ?? "?"));
}

/**
 * The text for `prefix.value` if there is one, otherwise the value itself, for names that services define.
 * @param {string} prefix
 * @param {string} value
 */
export const term = (prefix, value) => (hasText(`${prefix}.${value}`) ? t(`${prefix}.${value}`) : value);
