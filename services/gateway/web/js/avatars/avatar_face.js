// @ts-check
// The picture of an avatar.
import { h } from "../core/dom.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */

/**
 * The picture. Its idle loop plays while `host` is hovered or has the focus.
 * @param {Avatar} avatar @param {HTMLElement} [host]
 */
export function avatarFace(avatar, host) {
  const picture = h("img", {
    src: avatar.thumbnail_url,
    alt: "",
    loading: "lazy",
    width: avatar.width,
    height: avatar.height,
  });
  const el = h("span", { class: "face" }, picture);
  const idle = avatar.idle_url;
  if (!host || !idle) return el;
  /** @type {HTMLVideoElement | null} */
  let loop = null;
  const play = () => {
    if (loop || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    loop = h("video", { src: idle, muted: true, loop: true, playsinline: true, "aria-hidden": "true", tabindex: -1 });
    el.append(loop);
    loop.play().catch(() => {}); // the picture remains
  };
  const stop = () => {
    loop?.remove();
    loop = null;
  };
  for (const name of ["mouseenter", "focusin"]) host.addEventListener(name, play);
  for (const name of ["mouseleave", "focusout"])
    host.addEventListener(name, () => host.matches(":hover, :focus-within") || stop());
  return el;
}
