// @ts-check
// Earlier videos: the newest few, or all of them with search, filters, names, tags, and many at once.
import { emptyState } from "../components/layout.js";
import { loadable } from "../components/loadable.js";
import { problemCard } from "../components/problem_card.js";
import { get, list } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { formatBytes } from "../core/format.js";
import { fetchAvatars } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { galleryFilters } from "./gallery_filters.js";
import { gallerySelection } from "./gallery_selection.js";
import { galleryTile } from "./gallery_tile.js";

/** @typedef {import("../core/types.js").Job} Job */

const PAGE = 24;

/** Pictures of avatars by id; empty when they cannot be fetched. */
async function thumbnails() {
  const avatars = await fetchAvatars().catch(() => []);
  return new Map(avatars.map((a) => [a.id, a.thumbnail_url]));
}

/** The newest videos. @param {AbortSignal} signal @param {number} limit */
export function latestVideos(signal, limit) {
  const place = loadable(
    () => Promise.all([list(`/videos?limit=${limit}`, signal), thumbnails()]),
    ([videos, faces]) => {
      if (!videos.length) return emptyState("video", t("video.none"));
      const onchange = () => void place.reload();
      return h(
        "ul",
        { class: "grid gallery" },
        ...videos.map((job) => galleryTile(job, faces.get(job.result?.avatar_id), { onchange })),
      );
    },
    { skeletons: 1, height: 180 },
  );
  return place;
}

/** All videos. @param {AbortSignal} signal */
export function videoGallery(signal) {
  const filters = galleryFilters(signal, () => void place.reload());
  const shown = galleryTiles(signal, filters.query, changed, () => selection.select());
  const ids = () => shown.videos().map((job) => job.id);
  const selection = gallerySelection({ shown: ids, redraw: shown.draw, ondeleted: changed });
  const used = storageUsed(signal);

  function changed() {
    filters.reload();
    void place.reload();
  }
  const place = loadable(
    async () => {
      await shown.load();
      void used.load();
    },
    () => {
      const isFiltered = Object.keys(filters.query()).length > 0;
      const isEmpty = !shown.videos().length;
      filters.el.hidden = isEmpty && !isFiltered;
      selection.start.hidden = (isEmpty && !isFiltered) || Boolean(selection.select());
      shown.draw();
      return isEmpty ? emptyState("video", t(isFiltered ? "gallery.nothing" : "video.none")) : shown.el;
    },
    { skeletons: 1, height: 180 },
  );
  const head = h("div", { class: "row wrap apart" }, used.el, selection.start);
  return { el: h("div", { class: "stack" }, head, filters.el, selection.el, place.el), reload: place.reload };
}

/**
 * The tiles, a page at a time.
 * @param {AbortSignal} signal @param {() => Record<string, string>} query @param {() => void} onchange
 * @param {() => import("./gallery_tile.js").TileOptions["select"]} select
 */
function galleryTiles(signal, query, onchange, select) {
  /** @type {Job[]} */
  let videos = [];
  /** @type {Map<string, string>} */
  let faces = new Map();
  let hasMore = false;
  const tiles = h("ul", { class: "grid gallery" });
  const more = h("div", null);

  /** @param {string} [before] */
  async function ask(before) {
    const asked = new URLSearchParams({ limit: String(PAGE), ...query(), ...(before ? { before } : {}) });
    const found = /** @type {Job[]} */ (await list(`/videos?${asked}`, signal));
    hasMore = found.length === PAGE;
    return found;
  }
  function draw() {
    const options = { onchange, select: select() };
    fill(tiles, ...videos.map((job) => galleryTile(job, faces.get(job.result?.avatar_id), options)));
    fill(more, hasMore ? button({ label: t("gallery.more"), onclick: () => void next() }) : null);
  }
  async function next() {
    try {
      const at = videos.length;
      videos = [...videos, ...(await ask(videos.at(-1)?.id))];
      draw();
      tiles.children[at]?.querySelector("button")?.focus();
    } catch (error) {
      if (!signal.aborted) fill(more, problemCard(error, { retry: () => void next() }));
    }
  }
  async function load() {
    [videos, faces] = await Promise.all([ask(), thumbnails()]);
  }
  return { el: [tiles, more], videos: () => videos, load, draw };
}

/** How much is stored. @param {AbortSignal} signal */
function storageUsed(signal) {
  const el = h("p", { class: "small-text muted num" });
  const load = () =>
    get("/me/storage", signal).then(
      ({ total_bytes, limit_bytes }) => {
        const [n, most] = [formatBytes(total_bytes), formatBytes(limit_bytes ?? 0)];
        el.textContent = limit_bytes ? t("gallery.used_of", { n, most }) : t("gallery.used", { n });
      },
      () => {}, // a figure beside the videos
    );
  return { el, load };
}
