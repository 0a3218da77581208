// @ts-check
// A finished video: watch, download, copy the link, details.

import { copyText } from "../components/announcements.js";
import { fallbackNote } from "../components/fallback_note.js";
import { fold } from "../components/fold.js";
import { emptyState, note } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { timingsList } from "../components/timings_list.js";
import { downloadUrl } from "../core/api.js";
import { button, h } from "../core/dom.js";
import { formatBytes, formatClock, formatDate, formatNumber } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { jobWords } from "../jobs/job_text.js";
import { resultScenes, wholeWarnings } from "../studio/result_scenes.js";
import { textWarningNote } from "../speech/text_warnings.js";

/** @typedef {import("../core/types.js").Job} Job */

/** Facts about a finished video. @param {Record<string, any>} result of its job */
function detailsList(result) {
  const { duration_s, width, height, fps, bytes, engine, restorer, voice_id, passthrough_frames, frames } = result;
  const rows = [
    ["length", duration_s && formatClock(duration_s)],
    ["size", width && `${width} × ${height} · ${formatNumber(fps, 2)} fps`],
    ["bytes", bytes && formatBytes(bytes)],
    ["engine", engine],
    ["restorer", restorer && `${restorer.name} · ${restorer.licence}`],
    ["voice", voice_id],
    ["passthrough", passthrough_frames ? t("detail.passthrough.n", { n: passthrough_frames, of: frames }) : null],
  ];
  return h(
    "dl",
    { class: "facts-list num" },
    ...rows.filter(([, v]) => v).flatMap(([k, v]) => [h("dt", null, t(`detail.${k}`)), h("dd", null, v)]),
  );
}

/**
 * `redo` makes one scene again
 * @typedef {{autoplay?: boolean, redo?: (job: Job, index: number) => void}} ResultOptions
 */

/** The finished video of a job. @param {Job} job @param {ResultOptions} [options] */
export function resultCard(job, options = {}) {
  const { screen, words } = resultParts(job, options);
  return h("div", { class: "result" }, screen, words);
}

/** The player, and what is beside it. @param {Job} job @param {ResultOptions} options */
export function resultParts(job, { autoplay = false, redo }) {
  const result = job.result ?? {};
  const text = jobWords(job);
  const isBurnt = Boolean(job.params.subtitles?.burn); // they are in the picture already
  const screen = player({ ...result, isBurnt }, text || t("video.result"), autoplay);
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
    text && !result.scenes && !job.params.dubbing ? h("p", { class: "said" }, text) : null,
    fallbackNote(result.fallbacks),
    textWarningNote(wholeWarnings(result)),
    job.consent_withdrawn ? note(t("consent.withdrawn.note"), { kind: "warn", icon: "alert" }) : null,
    resultLinks(result),
    job.params.dubbing ? null : resultScenes(job, (time_s) => playFrom(screen, time_s), redo),
    fold([t("details")], details),
  );
  return { screen, words };
}

/** @param {HTMLElement} screen @param {number} time_s */
function playFrom(screen, time_s) {
  if (!(screen instanceof HTMLVideoElement)) return;
  screen.currentTime = time_s;
  screen.play().catch(() => {}); // blocked before the first click on the page; the controls remain
}

/** The container of a video, by its address. @param {string} url */
const containerOf = (url) => /\.(mp4|webm|mov)$/.exec(new URL(url, location.href).pathname)?.[1] ?? "mp4";

/** @param {Record<string, any>} result @param {string} label @param {boolean} autoplay */
function player({ video_url, subtitles_url, language, width, height, isBurnt }, label, autoplay) {
  if (containerOf(video_url) === "mov") return emptyState("video", t("video.mov"));
  const size = width ? { width, height } : {}; // known beforehand: nothing jumps when the video arrives
  const attrs = {
    controls: true,
    playsinline: true,
    preload: "metadata",
    class: containerOf(video_url) === "webm" ? "player chequered" : "player",
    "aria-label": label,
    ...size,
  };
  const video = h("video", { src: video_url, ...attrs });
  if (subtitles_url) {
    const kind = { kind: "captions", srclang: language ?? "zh", label: t("video.subtitles") };
    video.append(h("track", { src: subtitles_url, ...kind, default: !isBurnt }));
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
function resultLinks({ video_url, audio_url, subtitles_url, subtitles_urls }) {
  const link = (/** @type {string} */ url, /** @type {any} */ look) =>
    linkButton({ href: downloadUrl(url), download: true, ...look });
  const copy = () => void copyText(new URL(video_url, location.href).href, validUntil(video_url));
  const container = containerOf(video_url);
  const files = Object.entries(subtitles_urls ?? {}).filter(([, url]) => url);
  const words = files.length
    ? files.map(([kind, url]) => link(url, { label: t("video.subtitles.kind", { kind: kind.toUpperCase() }) }))
    : [subtitles_url ? link(subtitles_url, { label: t("video.subtitles"), icon: "text" }) : null];
  return h(
    "div",
    { class: "row wrap" },
    link(video_url, {
      label: container === "mp4" ? t("download") : t("video.download.kind", { kind: container.toUpperCase() }),
      icon: "download",
      kind: "primary",
    }),
    ...words,
    audio_url ? link(audio_url, { label: t("video.sound") }) : null,
    button({ icon: "link", label: t("copy.link"), onclick: copy }),
  );
}
