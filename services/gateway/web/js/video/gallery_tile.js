// @ts-check
// One video of the gallery as a tile, and as a dialog: watch, name, tag, share, delete.
import { toast } from "../components/announcements.js";
import { confirmDialog, openDialog } from "../components/dialog.js";
import { fold } from "../components/fold.js";
import { field } from "../components/form.js";
import { submitForm } from "../components/submit_form.js";
import { call } from "../core/api.js";
import { button, h, icon } from "../core/dom.js";
import { formatClock, timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { shareButton } from "../sharing/share_dialog.js";
import { resultCard } from "./video_result.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {{onchange: () => void, select?: {chosen: () => Set<string>, toggle: (id: string) => void}}} TileOptions
 *   `select`: a click chooses the video instead of showing it */

const MAX_TAGS = 12;

/** What a video is called. @param {Job} job */
export const videoTitle = (job) =>
  job.name ||
  job.params.text ||
  job.params.scenes?.find((/** @type {any} */ s) => s.text)?.text ||
  t("video.from_audio");

/** @param {Job} job @param {string | undefined} thumbnail @param {TileOptions} options */
export function galleryTile(job, thumbnail, { onchange, select }) {
  const picture = h(
    "span",
    { class: "face" },
    thumbnail ? h("img", { src: thumbnail, alt: "", loading: "lazy" }) : firstPicture(job),
    select ? h("span", { class: "tile-check" }, icon("check")) : h("span", { class: "tile-play" }, icon("play")),
    job.consent_withdrawn ? h("span", { class: "face-badge" }, t("consent.withdrawn")) : null,
    h("span", { class: "tile-time num" }, formatClock(job.result?.duration_s ?? 0)),
  );
  const click = () => {
    if (!select) return showVideo(job, onchange);
    select.toggle(job.id);
    tile.setAttribute("aria-pressed", String(select.chosen().has(job.id)));
  };
  const tile = h(
    "button",
    {
      type: "button",
      class: "tile",
      "aria-pressed": select ? String(select.chosen().has(job.id)) : null,
      on: { click },
    },
    h("span", { class: "sr" }, select ? t("gallery.choose") : t("video.watch")),
    picture,
    h("span", { class: "tile-words" }, videoTitle(job)),
    h("span", { class: "small-text muted" }, timeElement(job.finished_at ?? job.created_at)),
  );
  return h("li", { "data-job": job.id }, tile, tagList(job.tags ?? []));
}

/** @param {string[]} tags */
const tagList = (tags) =>
  tags.length
    ? h("ul", { class: "tags", "aria-label": t("gallery.tags") }, ...tags.map((tag) => h("li", { class: "tag" }, tag)))
    : null;

/** The face of a video whose avatar has been deleted: its own first picture. @param {Job} job */
const firstPicture = ({ result }) =>
  h("video", {
    src: `${result?.video_url}#t=0.1`, // a picture is shown only once one was sought
    preload: "metadata",
    muted: true,
    playsinline: true,
    tabindex: -1,
    "aria-hidden": "true",
  });

/** Opens a video in a dialog. @param {Job} job @param {() => void} onchange */
function showVideo(job, onchange) {
  /** @param {() => void} close */
  async function remove(close) {
    const question = { title: t("video.delete"), text: t("video.delete.text"), yes: t("delete") };
    if (!(await confirmDialog(question))) return;
    try {
      await jobs.remove(job.id);
      close();
      onchange();
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error));
    }
  }
  const close = openDialog({
    title: job.name || t("video.result"),
    wide: 720,
    body: [
      h(
        "div",
        { class: "stack loose" },
        resultCard(job, { autoplay: true }),
        nameForm(job, () => (close(), onchange())),
      ),
    ],
    footer: (shut) => [
      shareButton({ kind: "video", id: job.id, name: job.name || job.params.text || t("video.result") }, {}),
      h("span", { class: "grow" }),
      button({ icon: "trash", label: t("delete"), kind: "quiet danger", onclick: () => void remove(shut) }),
    ],
  });
}

/** Name and tags, folded. @param {Job} job @param {() => void} onsaved */
function nameForm(job, onsaved) {
  const name = h("input", { class: "input", maxlength: 80, value: job.name ?? "", autocomplete: "off" });
  const tags = h("input", { class: "input", value: (job.tags ?? []).join(", "), autocomplete: "off" });
  const save = async () => {
    await call("PATCH", `/videos/${encodeURIComponent(job.id)}`, {
      body: { name: name.value, tags: splitTags(tags.value) },
    });
    toast(t("gallery.saved"));
    onsaved();
  };
  const fields = [
    field(t("gallery.name"), name, t("gallery.name.help")),
    field(t("gallery.tags"), tags, t("gallery.tags.help", { most: MAX_TAGS })),
  ];
  return fold([t("gallery.rename")], h("div", { class: "inside" }, submitForm(t("save"), fields, save)));
}

/** Tags between commas of either kind. @param {string} text */
const splitTags = (text) => [
  ...new Set(
    text
      .split(/[,，、;；]/)
      .map((tag) => tag.trim())
      .filter(Boolean),
  ),
];
