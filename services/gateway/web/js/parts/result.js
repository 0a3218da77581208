// @ts-check
// A finished video with what one does with it: watch, download, copy the link, look at the details.
import { asDownload } from "../core/api.js";
import { button, h, icon } from "../core/dom.js";
import { bytes, clock, number, took } from "../core/format.js";
import { t } from "../core/i18n.js";
import { linkButton } from "./bits.js";
import { fallbackNote } from "./fallback.js";
import { copy } from "./say.js";

/** @typedef {import("../core/types.js").Job} Job */

const TIMES = [
  "queued",
  "asr",
  "llm_first_token",
  "llm",
  "tts_first_audio",
  "tts",
  "render_first_frame",
  "render",
  "first_video",
  "total",
];

/** Every measured time of one job. @param {import("../core/types.js").Timings} timings */
export const timesList = (timings) =>
  h(
    "dl",
    { class: "facts-list num" },
    ...TIMES.filter((k) => timings[k] !== undefined).flatMap((k) => [
      h("dt", null, t(`timing.${k}`)),
      h("dd", null, took(timings[k])),
    ]),
  );

/** What is known about a finished video. @param {Record<string, any>} r its result */
export function detailsList(r) {
  const rows = [
    ["length", r.duration_s && clock(r.duration_s)],
    ["size", r.width && `${r.width} × ${r.height} · ${number(r.fps, 2)} fps`],
    ["bytes", r.bytes && bytes(r.bytes)],
    ["engine", r.engine],
    ["voice", r.voice_id],
    ["passthrough", r.passthrough_frames ? t("detail.passthrough.n", { n: r.passthrough_frames, of: r.frames }) : null],
  ];
  return h(
    "dl",
    { class: "facts-list num" },
    ...rows.filter(([, v]) => v).flatMap(([k, v]) => [h("dt", null, t(`detail.${k}`)), h("dd", null, v)]),
  );
}

/** The finished video of a job. @param {Job} job @param {{autoplay?: boolean}} [o] */
export function resultCard(job, { autoplay = false } = {}) {
  const r = job.result ?? {};
  const video = h("video", {
    src: r.video_url,
    controls: true,
    playsinline: true,
    preload: "metadata",
    class: "player",
    "aria-label": job.params.text || t("video.result"),
  });
  if (r.subtitles_url)
    video.append(
      h("track", {
        src: r.subtitles_url,
        kind: "captions",
        srclang: r.language ?? "zh",
        label: t("video.subtitles"),
        default: true,
      }),
    );
  if (autoplay) video.play().catch(() => {}); // needs a press on the page first; the controls are there
  return h(
    "div",
    { class: "result" },
    video,
    h(
      "div",
      { class: "stack" },
      job.params.text ? h("p", { class: "said" }, job.params.text) : null,
      fallbackNote(r.fallbacks),
      h(
        "div",
        { class: "row wrap" },
        linkButton({
          href: asDownload(r.video_url),
          label: t("download"),
          icon: "download",
          kind: "primary",
          download: true,
        }),
        r.subtitles_url
          ? linkButton({ href: asDownload(r.subtitles_url), label: t("video.subtitles"), icon: "text", download: true })
          : null,
        button({ icon: "link", label: t("copy.link"), onclick: () => copy(new URL(r.video_url, location.href).href) }),
      ),
      h(
        "details",
        { class: "fold" },
        h("summary", null, turnIcon(), t("details")),
        h(
          "div",
          { class: "inside stack" },
          detailsList(r),
          r.timings_ms ? timesList(r.timings_ms) : null,
          h("code", { class: "mono muted" }, job.id),
        ),
      ),
    ),
  );
}

/** The small arrow of something that folds. */
export function turnIcon() {
  const el = icon("turn", "small");
  el.classList.add("turn-arrow");
  return el;
}
