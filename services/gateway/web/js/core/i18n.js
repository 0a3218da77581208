// @ts-check
// Words in Chinese and English. The two dictionaries hold the same keys (a test compares them).
import { recall, remember } from "./prefs.js";
import { en } from "../i18n/en/index.js";
import { zh } from "../i18n/zh/index.js";

/** @typedef {"zh" | "en"} Lang */

const words = { zh, en };
const preferred = () =>
  /** @type {Lang} */ ((navigator.languages ?? [navigator.language]).some((l) => /^zh/i.test(l)) ? "zh" : "en");

/** @type {Lang} */
let lang = recall("lang", preferred());
document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";

/** @returns {Lang} */
export const language = () => lang;

/** @param {Lang} value */
export function setLanguage(value) {
  lang = value;
  remember("lang", value);
  document.documentElement.lang = value === "zh" ? "zh-CN" : "en";
  document.dispatchEvent(new CustomEvent("language"));
}

/** Whether the dictionary has `key`. @param {string} key */
export const knows = (key) => key in words[lang];

/**
 * The text for `key`, `{names}` filled in. A key without a text comes back as it is, and says so on the console.
 * @param {string} key @param {Record<string, string | number>} [params]
 */
export function t(key, params = {}) {
  const text = /** @type {Record<string, string>} */ (words[lang])[key];
  if (text === undefined) {
    console.error(`no text for ${key} in ${lang}`);
    return key;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => String(params[name] ?? "?"));
}

/** The text for `prefix.value` if there is one, else the value itself: names that services make up. @param {string} prefix @param {string} value */
export const term = (prefix, value) => (knows(`${prefix}.${value}`) ? t(`${prefix}.${value}`) : value);
