// @ts-check
// Messages to the user: the live region for screen readers, and toasts.
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

const TOAST_MS = 4000;
const live = h("div", { class: "sr", role: "status", "aria-live": "polite" });
const toasts = h("div", { class: "toasts", "aria-hidden": "true" });

/** The live region and the container for toasts. The app shell adds them once. */
export const liveRegions = () => [live, toasts];

/** Announces a text to screen readers. @param {string} text */
export function announce(text) {
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
}

/** Shows a short note and announces it. @param {string} text */
export function toast(text) {
  const el = h("div", { class: "toast" }, text);
  toasts.append(el);
  announce(text);
  setTimeout(() => el.remove(), TOAST_MS);
}

/**
 * Copies a text, or shows it where the clipboard is not available.
 * @param {string} text @param {string} [remark] said besides
 */
export async function copyText(text, remark = "") {
  try {
    await navigator.clipboard.writeText(text);
    toast([t("copied"), remark].filter(Boolean).join(" "));
  } catch {
    prompt([t("copy.by_hand"), remark].filter(Boolean).join(" "), text); // no clipboard outside secure contexts
  }
}
