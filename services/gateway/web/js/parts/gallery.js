// @ts-check
// Earlier videos: a face, the words, a press to watch.
import { list } from "../core/api.js";
import { button, h, icon } from "../core/dom.js";
import { avatars } from "../core/facts.js";
import { clock, moment } from "../core/format.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { resultCard } from "./result.js";
import { empty, loaded, toast } from "./say.js";

/** @typedef {import("../core/types.js").Job} Job */

/** @param {AbortSignal} signal @param {number} [limit] */
export function gallery(signal, limit = 24) {
  const place = loaded(
    async () => {
      const [videos, people] = await Promise.all([list(`/videos?limit=${limit}`, signal), avatars().catch(() => [])]);
      return { videos, pictures: new Map(people.map((a) => [a.id, a.thumbnail_url])) };
    },
    ({ videos, pictures }) =>
      videos.length
        ? h(
            "ul",
            { class: "grid gallery" },
            ...videos.map((/** @type {Job} */ job) =>
              tile(job, pictures.get(job.result?.avatar_id), () => place.reload()),
            ),
          )
        : empty("video", t("video.none")),
    { skeletons: 1, height: 180 },
  );
  return place;
}

/** @param {Job} job @param {string | undefined} picture @param {() => void} gone */
function tile(job, picture, gone) {
  const words = job.params.text || t("video.from_audio");
  const watch = () =>
    openDialog({
      title: t("video.result"),
      wide: 720,
      body: [resultCard(job, { autoplay: true })],
      footer: (close) => [
        button({ icon: "trash", label: t("delete"), kind: "quiet danger", onclick: () => void remove(close) }),
      ],
    });
  /** @param {() => void} close */
  async function remove(close) {
    if (!(await confirmDialog({ title: t("video.delete"), text: t("video.delete.text"), yes: t("delete") }))) return;
    try {
      await jobs.forget(job.id);
      close();
      gone();
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error));
    }
  }
  return h(
    "li",
    null,
    h(
      "button",
      { type: "button", class: "tile", "aria-label": t("video.watch", { words }), on: { click: watch } },
      h(
        "span",
        { class: "face" },
        picture ? h("img", { src: picture, alt: "", loading: "lazy" }) : null,
        h("span", { class: "tile-play" }, icon("play")),
        h("span", { class: "tile-time num" }, clock(job.result?.duration_s ?? 0)),
      ),
      h("span", { class: "tile-words" }, words),
      h("span", { class: "small-text muted" }, moment(job.finished_at ?? job.created_at)),
    ),
  );
}
