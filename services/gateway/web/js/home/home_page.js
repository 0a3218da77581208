// @ts-check
// The Home page: the first avatar, what can be done here, and whether all services run.

import { section } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { loadable } from "../components/loadable.js";
import { h, icon } from "../core/dom.js";
import { fetchAvatars, fetchSystem, watchSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { serviceStrip } from "../system/service_status.js";
import { latestVideos } from "../video/video_gallery.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {[key: string, path: string, icon: string]} Destination */

/** @type {Destination[]} */
const DESTINATIONS = [
  ["chat", "/chat_system", "chat"],
  ["video", "/video_generation", "video"],
  ["avatars", "/avatars", "avatar"],
  ["training", "/model_training", "training"],
];

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function homePage({ signal }) {
  const services = loadable(() => fetchSystem(signal), serviceStrip, {
    class: "service-place",
    skeletons: 1,
    height: 40,
  });
  watchSystem(signal, (now) => services.el.hasAttribute("aria-busy") || services.el.replaceChildren(serviceStrip(now)));
  const destinations = h("ul", { class: "grid ways" }, ...DESTINATIONS.map(destinationCard));
  const details = linkButton({ href: "/system", label: t("details"), kind: "quiet small" });
  const make = linkButton({ href: "/video_generation", label: t("home.make"), kind: "quiet small" });
  return h(
    "div",
    { class: "page" },
    hero(),
    h("section", { class: "section", "aria-label": t("home.ways") }, destinations),
    section(t("home.services"), [details], services.el),
    section(t("home.latest"), [make], latestVideos(signal, 4).el),
  );
}

/** The first avatar beside the welcome. */
function hero() {
  const look = { class: "hero-face", skeletons: 1, height: 320 };
  const avatar = loadable(fetchAvatars, ([first]) => heroPicture(first), look);
  const words = h(
    "div",
    { class: "stack hero-words" },
    h("h1", null, t("home.title")),
    h("p", { class: "lead" }, t("home.lead")),
    h(
      "div",
      { class: "row wrap" },
      linkButton({ href: "/chat_system", label: t("home.start"), icon: "mic", kind: "primary large" }),
      linkButton({ href: "/video_generation", label: t("home.make"), kind: "large" }),
    ),
  );
  return h("section", { class: "hero" }, avatar.el, words);
}

/** @param {Avatar} avatar */
function heroPicture({ thumbnail_url, idle_url, name, width, height }) {
  if (!idle_url || matchMedia("(prefers-reduced-motion: reduce)").matches) {
    return h("img", { src: thumbnail_url, alt: name, width, height });
  }
  const attrs = { muted: true, loop: true, playsinline: true, autoplay: true, "aria-label": name };
  const video = h("video", { src: idle_url, poster: thumbnail_url, ...attrs });
  video.play().catch(() => {});
  return video;
}

/** @param {Destination} destination */
function destinationCard([key, path, name]) {
  const words = h(
    "span",
    { class: "stack tight" },
    h("strong", null, t(`home.${key}`)),
    h("span", { class: "small-text muted" }, t(`home.${key}.text`)),
  );
  return h("li", null, h("a", { class: "card way", href: path }, icon(name, "large"), words));
}
