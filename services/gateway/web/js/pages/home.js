// @ts-check
// Home: the face, what one can do, and whether everything runs.
import { h, icon } from "../core/dom.js";
import { avatars, readSystem, watchSystem } from "../core/facts.js";
import { t } from "../core/i18n.js";
import { linkButton, section } from "../parts/bits.js";
import { gallery } from "../parts/gallery.js";
import { loaded } from "../parts/say.js";
import { serviceStrip } from "../parts/services.js";

const WAYS = [
  ["chat", "/chat_system", "chat"],
  ["video", "/video_generation", "video"],
  ["avatars", "/avatars", "avatar"],
  ["training", "/model_training", "training"],
];

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function homePage({ signal }) {
  const hero = loaded(
    avatars,
    (all) => {
      const one = all[0];
      const still = h("img", { src: one.thumbnail_url, alt: one.name, width: one.width, height: one.height });
      if (!one.idle_url || matchMedia("(prefers-reduced-motion: reduce)").matches) return still;
      const loop = h("video", {
        src: one.idle_url,
        poster: one.thumbnail_url,
        muted: true,
        loop: true,
        playsinline: true,
        autoplay: true,
        "aria-label": one.name,
      });
      loop.play().catch(() => {});
      return loop;
    },
    { class: "hero-face", skeletons: 1, height: 320 },
  );

  const services = loaded(
    () => readSystem(signal),
    (now) => serviceStrip(now),
    { class: "service-place", skeletons: 1, height: 40 },
  );
  watchSystem(signal, (now) => services.el.hasAttribute("aria-busy") || services.el.replaceChildren(serviceStrip(now)));

  const way = (/** @type {string[]} */ [key, path, name]) =>
    h(
      "li",
      null,
      h(
        "a",
        { class: "card way", href: path },
        icon(name, "large"),
        h(
          "span",
          { class: "stack tight" },
          h("strong", null, t(`home.${key}`)),
          h("span", { class: "small-text muted" }, t(`home.${key}.text`)),
        ),
      ),
    );

  return h(
    "div",
    { class: "page" },
    h(
      "section",
      { class: "hero" },
      hero.el,
      h(
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
      ),
    ),
    h("section", { class: "section", "aria-label": t("home.ways") }, h("ul", { class: "grid ways" }, ...WAYS.map(way))),
    section(
      t("home.services"),
      [linkButton({ href: "/system", label: t("details"), kind: "quiet small" })],
      services.el,
    ),
    section(
      t("home.latest"),
      [linkButton({ href: "/video_generation", label: t("home.make"), kind: "quiet small" })],
      gallery(signal, 4).el,
    ),
  );
}
