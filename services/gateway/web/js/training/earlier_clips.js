// @ts-check
// Videos that were uploaded before, to train on without another upload.

import { list } from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { formatClock } from "../core/format.js";
import { fetchAvatars } from "../core/server_state.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Asset} Asset */

/**
 * Earlier clips, sources of avatars included. Hidden while there are none.
 * @param {AbortSignal} signal
 * @param {(clip: Asset) => void} onchosen
 */
export function earlierClips(signal, onchosen) {
  const el = h("div", { class: "stack", hidden: true });
  loadClips(signal).then(
    ({ clips, avatarNames }) => {
      el.hidden = !clips.length;
      const row = (/** @type {Asset} */ clip) => clipButton(clip, avatarNames.get(clip.id), () => onchosen(clip));
      fill(el, h("h2", null, t("training.earlier")), h("ul", { class: "grid earlier-clips" }, ...clips.map(row)));
    },
    () => {}, // without the list a clip can still be uploaded
  );
  return el;
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<{clips: Asset[], avatarNames: Map<string, string>}>} names of avatars by the id of their source
 */
async function loadClips(signal) {
  const [clips, preparations, avatars] = await Promise.all([
    list("/assets?kind=video&limit=24", signal),
    list("/jobs?kind=avatar&state=succeeded&limit=100", signal),
    fetchAvatars().catch(() => []),
  ]);
  const names = new Map(avatars.map((a) => [a.id, a.name]));
  const sources = preparations
    .map((job) => /** @type {const} */ ([job.params.asset_id, names.get(job.result?.avatar_id)]))
    .filter(([, name]) => name !== undefined);
  return { clips, avatarNames: new Map(/** @type {[string, string][]} */ (sources)) };
}

/** @param {Asset} clip @param {string | undefined} avatarName @param {() => void} click */
function clipButton(clip, avatarName, click) {
  const source = avatarName ? t("training.source", { name: avatarName }) : "";
  const facts = [formatClock(clip.duration_s ?? 0), source].filter(Boolean).join(" · ");
  const words = h(
    "span",
    { class: "stack tight no-gap grow" },
    h("span", { class: "clip" }, clip.name),
    h("span", { class: "small-text muted num" }, facts),
  );
  const picture = icon(avatarName ? "avatar" : "video");
  return h("li", null, h("button", { type: "button", class: "earlier-clip", on: { click } }, picture, words));
}
