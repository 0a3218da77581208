// @ts-check
// Earlier videos as tiles.
import { toast } from "../components/announcements.js";
import { confirmDialog, openDialog } from "../components/dialog.js";
import { emptyState } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { list } from "../core/api.js";
import { button, h, icon } from "../core/dom.js";
import { formatClock, timeElement } from "../core/format.js";
import { fetchAvatars } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { resultCard } from "./video_result.js";

/** @typedef {import("../core/types.js").Job} Job */

/** @param {AbortSignal} signal @param {number} [limit] */
export function videoGallery(signal, limit = 24) {
  const place = loadable(
    async () => {
      const asked = list(`/videos?limit=${limit}`, signal);
      const [videos, avatars] = await Promise.all([asked, fetchAvatars().catch(() => [])]);
      return { videos, thumbnails: new Map(avatars.map((a) => [a.id, a.thumbnail_url])) };
    },
    ({ videos, thumbnails }) => {
      if (!videos.length) return emptyState("video", t("video.none"));
      const tile = (/** @type {Job} */ job) =>
        galleryTile(job, thumbnails.get(job.result?.avatar_id), () => void place.reload());
      return h("ul", { class: "grid gallery" }, ...videos.map(tile));
    },
    { skeletons: 1, height: 180 },
  );
  return place;
}

/** @param {Job} job @param {string | undefined} thumbnail @param {() => void} ondeleted */
function galleryTile(job, thumbnail, ondeleted) {
  const words = job.params.text || t("video.from_audio");
  const picture = h(
    "span",
    { class: "face" },
    thumbnail ? h("img", { src: thumbnail, alt: "", loading: "lazy" }) : firstPicture(job),
    h("span", { class: "tile-play" }, icon("play")),
    h("span", { class: "tile-time num" }, formatClock(job.result?.duration_s ?? 0)),
  );
  const click = () => showVideo(job, ondeleted);
  return h(
    "li",
    null,
    h(
      "button",
      { type: "button", class: "tile", on: { click } },
      h("span", { class: "sr" }, t("video.watch")),
      picture,
      h("span", { class: "tile-words" }, words),
      h("span", { class: "small-text muted" }, timeElement(job.finished_at ?? job.created_at)),
    ),
  );
}

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

/** Opens a video in a dialog. @param {Job} job @param {() => void} ondeleted */
function showVideo(job, ondeleted) {
  /** @param {() => void} close */
  async function remove(close) {
    const question = { title: t("video.delete"), text: t("video.delete.text"), yes: t("delete") };
    if (!(await confirmDialog(question))) return;
    try {
      await jobs.remove(job.id);
      close();
      ondeleted();
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error));
    }
  }
  openDialog({
    title: t("video.result"),
    wide: 720,
    body: [resultCard(job, { autoplay: true })],
    footer: (close) => [
      button({ icon: "trash", label: t("delete"), kind: "quiet danger", onclick: () => void remove(close) }),
    ],
  });
}
