// @ts-check
// A finished video: watch, download, copy the link, details.

import { copyText } from "../components/announcements.js";
import { fallbackNote } from "../components/fallback_note.js";
import { fold } from "../components/fold.js";
import { linkButton } from "../components/link_button.js";
import { timingsList } from "../components/timings_list.js";
import { downloadUrl } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { formatBytes, formatClock, formatDate, formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { textWarningNote } from "../speech/text_warnings.js";

/** @typedef {import("../core/types.js").Job} Job */

/** Facts about a finished video. @param {Record<string, any>} result of its job */
function detailsList(result) {
  const { duration_s, width, height, fps, bytes, engine, voice_id, passthrough_frames, frames } = result;
  const rows = [
    ["length", duration_s && formatClock(duration_s)],
    ["size", width && `${width} × ${height} · ${formatNumber(fps, 2)} fps`],
    ["bytes", bytes && formatBytes(bytes)],
    ["engine", engine],
    ["voice", voice_id],
    ["passthrough", passthrough_frames ? t("detail.passthrough.n", { n: passthrough_frames, of: frames }) : null],
  ];
  return h(
    "dl",
    { class: "facts-list num" },
    ...rows.filter(([, v]) => v).flatMap(([k, v]) => [h("dt", null, t(`detail.${k}`)), h("dd", null, v)]),
  );
}

/** The finished video of a job. @param {Job} job @param {{autoplay?: boolean}} [options] */
export function resultCard(job, { autoplay = false } = {}) {
  const result = job.result ?? {};
  const { text } = job.params;
  const details = h(
    "div",
    { class: "inside stack" },
    detailsList(result),
    result.timings_ms ? timingsList(result.timings_ms) : null,
    h("code", { class: "mono muted" }, job.id),
  );
  const words = h(
    "div",
    { class: "stack" },
    text ? h("p", { class: "said" }, text) : null,
    fallbackNote(result.fallbacks),
    textWarningNote(result.warnings),
    resultLinks(result),
    fold([t("details")], details),
  );
  return h("div", { class: "result" }, player(result, text || t("video.result"), autoplay), words);
}

/** @param {Record<string, any>} result @param {string} label @param {boolean} autoplay */
function player({ video_url, subtitles_url, language, width, height }, label, autoplay) {
  const size = width ? { width, height } : {}; // known beforehand: nothing jumps when the video arrives
  const attrs = {
    controls: true,
    playsinline: true,
    preload: "metadata",
    class: "player",
    "aria-label": label,
    ...size,
  };
  const video = h("video", { src: video_url, ...attrs });
  if (subtitles_url) {
    const kind = { kind: "captions", srclang: language ?? "zh", label: t("video.subtitles"), default: true };
    video.append(h("track", { src: subtitles_url, ...kind }));
  }
  if (autoplay) video.play().catch(() => {}); // blocked before the first click on the page; the controls remain
  return video;
}

/** Until when a capability URL can be used, in words; empty for other addresses. @param {string} url */
function validUntil(url) {
  const expires = Number(new URL(url, location.href).searchParams.get("exp"));
  return expires ? t("copy.until", { date: formatDate(expires) }) : "";
}

/** @param {Record<string, any>} result */
function resultLinks({ video_url, subtitles_url }) {
  const link = (/** @type {string} */ url, /** @type {any} */ look) =>
    linkButton({ href: downloadUrl(url), download: true, ...look });
  const copy = () => void copyText(new URL(video_url, location.href).href, validUntil(video_url));
  return h(
    "div",
    { class: "row wrap" },
    link(video_url, { label: t("download"), icon: "download", kind: "primary" }),
    subtitles_url ? link(subtitles_url, { label: t("video.subtitles"), icon: "text" }) : null,
    button({ icon: "link", label: t("copy.link"), onclick: copy }),
  );
}
