// @ts-check
// The ways to a video: written, dubbed, or many at once.
import { h } from "../core/dom.js";
import { t } from "../i18n/translate.js";

const KINDS = { "/video_generation": "video.kind.new", "/dubbing": "dubbing.link", "/batches": "batch.link" };

/** Links between their pages. @param {string} current address @param {...Node} beside */
export const videoKinds = (current, ...beside) =>
  h(
    "nav",
    { class: "row wrap apart", "aria-label": t("video.kinds") },
    h(
      "div",
      { class: "segments links" },
      ...Object.entries(KINDS).map(([href, key]) =>
        h("a", { href, "aria-current": href === current ? "page" : null }, t(key)),
      ),
    ),
    ...beside,
  );
