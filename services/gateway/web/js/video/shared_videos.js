// @ts-check
// Videos that others share, below one's own.
import { openDialog } from "../components/dialog.js";
import { section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { downloadUrl } from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { fetchShared, invalidate } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { dropButton } from "../sharing/shared_badge.js";

/** @typedef {import("../core/account_types.js").SharedThing} SharedThing */

/** A section that appears when there are any. */
export function sharedVideos() {
  const tiles = h("ul", { class: "grid gallery" });
  const el = section(t("shared.with_me"), [], tiles);
  el.hidden = true;
  const load = () =>
    fetchShared().then(
      (all) => {
        const videos = all.filter((thing) => thing.kind === "video");
        el.hidden = !videos.length;
        fill(tiles, ...videos.map((thing) => tile(thing, reload)));
      },
      () => {}, // one's own videos remain
    );
  function reload() {
    invalidate("shared");
    void load();
  }
  void load();
  return el;
}

/** @param {SharedThing} thing @param {() => void} reload */
function tile(thing, reload) {
  const { name, owner_name, file_url } = thing;
  const picture = h("video", {
    src: `${file_url}#t=0.1`, // a picture is shown only once one was sought
    preload: "metadata",
    muted: true,
    playsinline: true,
    tabindex: -1,
    "aria-hidden": "true",
  });
  return h(
    "li",
    null,
    h(
      "button",
      { type: "button", class: "tile", on: { click: () => watch(thing, reload) } },
      h("span", { class: "sr" }, t("video.watch")),
      h("span", { class: "face" }, picture, h("span", { class: "tile-play" }, icon("play"))),
      h("span", { class: "tile-words" }, name),
      h("span", { class: "small-text muted" }, t("shared.by", { name: owner_name })),
    ),
  );
}

/** @param {SharedThing} thing @param {() => void} reload */
function watch({ id, name, owner_name, file_url }, reload) {
  const url = file_url ?? "";
  const player = h("video", { src: url, class: "player", controls: true, playsinline: true, "aria-label": name });
  player.play().catch(() => {}); // blocked before the first click on the page; the controls remain
  const close = openDialog({
    title: name,
    wide: 720,
    body: [h("div", { class: "stack" }, player, h("p", { class: "muted" }, t("shared.by", { name: owner_name })))],
    footer: () => [
      dropButton(id, name, () => {
        close();
        reload();
      }),
      linkButton({ href: downloadUrl(url), label: t("download"), icon: "download", download: true }),
    ],
  });
}
