// @ts-check
// What a training and its result have in common: warnings, the offset of the sound, and the preview picture.

import { note } from "../components/layout.js";
import { linkButton } from "../components/link_button.js";
import { downloadUrl } from "../core/api.js";
import { h } from "../core/dom.js";
import { formatNumber } from "../core/format.js";
import { hasText, t, term } from "../i18n/translate.js";

/** Warnings in words. @param {string[]} codes */
export const warningNotes = (codes) =>
  codes.map((code) => {
    const harmless = code === "not-better";
    return note(term("warning", code), { kind: harmless ? "" : "warn", icon: harmless ? "info" : "alert" });
  });

/**
 * The offset between sound and mouth in the clip. It is unknown when they do not belong together.
 * @param {{offset_ms?: number, warnings?: string[]}} found
 */
export function offsetNote({ offset_ms: ms, warnings }) {
  if (!ms || warnings?.includes("out-of-sync")) return null;
  const text = t(ms > 0 ? "train.offset.ahead" : "train.offset.behind", { ms: formatNumber(Math.abs(ms)) });
  return h("p", { class: "small-text muted" }, text);
}

/**
 * The preview of held-out moments.
 * @param {string} url
 * @param {unknown} engine decides which rows the picture has
 * @param {string} [version] changes with the picture
 */
export function previewPicture(url, engine, version = "") {
  // engines that need a model render nothing without training
  const text = hasText(`train.preview.${engine}`) ? `train.preview.${engine}` : "train.preview";
  const src = version ? `${url}${url.includes("?") ? "&" : "?"}v=${encodeURIComponent(version)}` : url;
  const download = linkButton({
    href: downloadUrl(url),
    icon: "download",
    label: t("train.preview.download"),
    bare: true,
    kind: "small",
    download: true,
  });
  return h(
    "figure",
    { class: "train-preview" },
    h("figcaption", { class: "row apart wrap" }, h("strong", null, t(text)), download),
    h("img", { src, alt: t(`${text}.alt`), loading: "lazy" }),
    h("p", { class: "small-text muted" }, t(`${text}.rows`)),
  );
}
