// @ts-check
// A file of the whole video or of a scene: a picture, a film or music, chosen, dropped or taken from earlier ones.
import { acceptFiles, ACCEPT, chooseFile } from "../components/file_input.js";
import { uploadFile } from "../components/file_upload.js";
import { soundButton } from "../components/sound_button.js";
import { get } from "../core/api.js";
import { button, fill, h, icon } from "../core/dom.js";
import { formatBytes, formatClock } from "../core/format.js";
import { t } from "../i18n/translate.js";

/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {"image" | "video" | "audio"} Kind */

const TYPES = { image: "image/*,.heic,.heif,.avif", video: ACCEPT.video, audio: ACCEPT.audio };
const ICONS = { image: "image", video: "video", audio: "voice" };

/** @type {Map<string, Promise<Asset>>} */
const known = new Map();

/** A file by its id, asked for once. @param {string} id @returns {Promise<Asset>} */
export function fetchAsset(id) {
  const asked = known.get(id) ?? get(`/assets/${encodeURIComponent(id)}`);
  known.set(id, asked);
  asked.catch(() => known.delete(id));
  return asked;
}

// the addresses of files end after a while
setInterval(() => known.clear(), 10 * 60_000);

/**
 * @param {string} label
 * @param {{kind: Kind, id: string, signal: AbortSignal, onchange: (asset: Asset | null) => void, help?: string}} o
 * `id` is "" while there is none
 */
export function assetField(label, { kind, id, signal, onchange, help = "" }) {
  const place = h("div", { class: "asset-place" });
  const el = h("div", { class: "field asset-field", role: "group", "aria-label": label });
  fill(el, h("span", { class: "label" }, label), place);

  /** @param {Asset} asset */
  const show = (asset) => fill(place, assetRow(asset, clear));
  function clear() {
    ask();
    onchange(null);
    place.querySelector("button")?.focus();
  }
  /** @param {string} [wrong] */
  const ask = (wrong = "") =>
    fill(
      place,
      button({
        icon: "upload",
        label: t(`asset.choose.${kind}`),
        kind: "small",
        "aria-label": `${label}: ${t(`asset.choose.${kind}`)}`,
        onclick: () => chooseFile(TYPES[kind], (file) => void send(file)),
      }),
      help ? h("p", { class: "help" }, help) : null,
      wrong ? h("p", { class: "missing small-text", role: "alert" }, wrong) : null,
    );
  /** @param {File} file */
  async function send(file) {
    const asset = /** @type {Asset | null} */ (await uploadFile(place, file, { signal, back: () => ask() }));
    if (!asset) return;
    if (asset.kind !== kind) return ask(t(`asset.wrong.${kind}`, { name: asset.name }));
    known.set(asset.id, Promise.resolve(asset));
    show(asset);
    onchange(asset);
  }
  ask();
  if (id) fetchAsset(id).then(show, () => ask(t("asset.gone")));
  acceptFiles(el, signal, (file) => void send(file), { paste: false });
  return el;
}

/** @param {Asset} asset @param {() => void} clear */
function assetRow({ kind, name, url, bytes, duration_s }, clear) {
  const facts = [duration_s === null ? "" : formatClock(duration_s), formatBytes(bytes)].filter(Boolean).join(" · ");
  const look =
    kind === "image"
      ? h("img", { src: url, alt: "", class: "asset-look" })
      : h("span", { class: "asset-look" }, icon(ICONS[kind]));
  return h(
    "div",
    { class: "asset-row row" },
    kind === "audio" ? soundButton(url, t("file.play", { name })) : look,
    h(
      "div",
      { class: "grow" },
      h("p", { class: "clip small-text" }, name),
      h("p", { class: "small-text muted num" }, facts),
    ),
    button({ icon: "close", label: t("asset.clear", { name }), bare: true, kind: "small", onclick: clear }),
  );
}
