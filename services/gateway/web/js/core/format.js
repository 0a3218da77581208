// @ts-check
// Numbers, sizes and times as text in the page's language.
import { language } from "../i18n/translate.js";
import { h } from "./dom.js";

const locale = () => (language() === "zh" ? "zh-CN" : "en");

/** @param {number} n @param {number} [digits] */
export const formatNumber = (n, digits = 0) => n.toLocaleString(locale(), { maximumFractionDigits: digits });

/** @param {number} part 0 to 1 */
export const formatPercent = (part) => `${Math.floor(Math.min(Math.max(part, 0), 1) * 100)}%`;

/** @param {number} bytes */
export function formatBytes(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let n = bytes;
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1024;
    i += 1;
  }
  return `${formatNumber(n, n < 10 && i ? 1 : 0)} ${units[i]}`;
}

/** Milliseconds as "380 ms" or "2.4 s". @param {number} ms */
export const formatMilliseconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${formatNumber(ms / 1000, 1)} s`);

/** Seconds as "0:07" or "1:02:03". @param {number} s */
export function formatClock(s) {
  const all = Math.max(0, Math.round(s));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** A duration in words: "8 s", "3 min", "2 h". @param {number} s */
export function formatSeconds(s) {
  const zh = language() === "zh";
  if (s < 90) return `${Math.max(1, Math.round(s))} ${zh ? "秒" : "s"}`;
  if (s < 5400) return `${Math.round(s / 60)} ${zh ? "分钟" : "min"}`;
  return `${formatNumber(s / 3600, 1)} ${zh ? "小时" : "h"}`;
}

/** A time of the API: ISO text, or seconds since 1970. @param {string | number} when */
export const toDate = (when) => new Date(typeof when === "number" ? when * 1000 : when);

/** A day and time, "28 Nov 2026, 14:05". @param {string | number} when */
export const formatDate = (when) => toDate(when).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });

/** A day alone, "28 Nov 2026". @param {string} day "2026-11-28" */
export const formatDay = (day) =>
  new Date(`${day}T00:00:00Z`).toLocaleDateString(locale(), { dateStyle: "medium", timeZone: "UTC" });

/** @param {string | number} when */
function relativeTime(when) {
  const s = (toDate(when).getTime() - Date.now()) / 1000;
  const words = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  if (Math.abs(s) < 45) return words.format(0, "second");
  if (Math.abs(s) < 2700) return words.format(Math.round(s / 60), "minute");
  if (Math.abs(s) < 72000) return words.format(Math.round(s / 3600), "hour");
  return words.format(Math.round(s / 86400), "day");
}

/** A relative time, with the absolute time as its tooltip. @param {string | number} when */
export const timeElement = (when) =>
  h("time", { datetime: toDate(when).toISOString(), title: toDate(when).toLocaleString(locale()) }, relativeTime(when));
