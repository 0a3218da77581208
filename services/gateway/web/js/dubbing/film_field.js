// @ts-check
// The film that is to be dubbed: dropped, chosen, or one that was uploaded earlier. The address names it.
import { ACCEPT, dropZone } from "../components/file_input.js";
import { uploadFile } from "../components/file_upload.js";
import { fold } from "../components/fold.js";
import { note } from "../components/layout.js";
import { list } from "../core/api.js";
import { button, fill, h, icon } from "../core/dom.js";
import { formatBytes, formatClock, timeElement } from "../core/format.js";
import { setQuery } from "../core/router.js";
import { latestSystem } from "../core/server_state.js";
import { t } from "../i18n/translate.js";
import { fetchAsset } from "../studio/asset_field.js";

/** @typedef {import("../core/types.js").Asset} Asset */

const DEFAULT_MOST_S = 300;
const EARLIER = 8;

/** Longest film, in seconds. */
const mostSeconds = () => latestSystem()?.limits.dubbing_s ?? DEFAULT_MOST_S;

/**
 * @param {string} id of the film, "" for none @param {AbortSignal} signal
 * @param {(film: Asset | null) => void} onchange
 */
export function filmField(id, signal, onchange) {
  const el = h("div", { class: "stack film-field" });
  /** @param {string} [wrong] */
  function ask(wrong = "") {
    setQuery("asset", null);
    onchange(null);
    const problem = wrong ? note(wrong, { kind: "warn", icon: "alert" }) : null;
    problem?.setAttribute("role", "alert");
    fill(
      el,
      filmZone(signal, (file) => void send(file)),
      problem,
      earlierFilms(signal, take),
    );
  }
  /** @param {File} file */
  async function send(file) {
    const asset = /** @type {Asset | null} */ (await uploadFile(el, file, { signal, back: () => ask() }));
    if (asset) take(asset);
  }
  /** @param {Asset} asset */
  function take(asset) {
    const wrong = whyNot(asset);
    if (wrong) return ask(wrong);
    setQuery("asset", asset.id);
    fill(
      el,
      filmCard(asset, () => {
        ask();
        el.querySelector("button")?.focus();
      }),
    );
    onchange(asset);
  }
  if (!id) ask();
  else {
    fill(el, h("div", { class: "skeleton film-waiting", "aria-hidden": "true" }));
    fetchAsset(id).then(
      (asset) => signal.aborted || take(asset),
      () => signal.aborted || ask(t("asset.gone")),
    );
  }
  return el;
}

/** Why a file cannot be dubbed; empty when it can. @param {Asset} asset */
function whyNot({ kind, name, has_audio, duration_s }) {
  if (kind !== "video") return t("asset.wrong.video", { name });
  if (has_audio === false) return t("film.silent", { name });
  if ((duration_s ?? 0) > mostSeconds())
    return t("film.long", { name, length: formatClock(duration_s ?? 0), most: formatClock(mostSeconds()) });
  return "";
}

/** @param {AbortSignal} signal @param {(file: File) => void} onfile */
const filmZone = (signal, onfile) =>
  dropZone({
    accept: ACCEPT.video,
    title: t("film.drop"),
    help: t("film.drop.help", { minutes: Math.round(mostSeconds() / 60) }),
    signal,
    onfile,
    icon: "video",
  });

/** @param {Asset} asset */
const facts = ({ duration_s, width, height, bytes }) =>
  [duration_s === null ? "" : formatClock(duration_s), width ? `${width} × ${height}` : "", formatBytes(bytes)]
    .filter(Boolean)
    .join(" · ");

/** @param {Asset} asset @param {() => void} clear */
const filmCard = (asset, clear) =>
  h(
    "div",
    { class: "card film-card" },
    h("video", { src: asset.url, class: "source-preview", controls: true, playsinline: true, preload: "metadata" }),
    h(
      "div",
      { class: "stack" },
      h("div", null, h("p", { class: "clip" }, asset.name), h("p", { class: "small-text muted num" }, facts(asset))),
      h("div", null, button({ icon: "swap", label: t("file.other"), kind: "small", onclick: clear })),
    ),
  );

/** @param {AbortSignal} signal @param {(film: Asset) => void} take */
function earlierFilms(signal, take) {
  const el = h("div", { class: "note-place" });
  list(`/assets?kind=video&limit=${EARLIER}`, signal).then(
    (/** @type {Asset[]} */ films) => {
      if (!films.length) return;
      const rows = h("ul", { class: "inside stack tight" }, ...films.map((film) => filmRow(film, () => take(film))));
      fill(el, fold([t("film.earlier")], rows));
    },
    () => {}, // one can be uploaded
  );
  return el;
}

/** @param {Asset} film @param {() => void} click */
const filmRow = (film, click) =>
  h(
    "li",
    null,
    h(
      "button",
      { type: "button", class: "button quiet start film-row", on: { click } },
      icon("video", "small"),
      h("span", { class: "clip grow" }, film.name),
      h("span", { class: "small-text muted num" }, film.duration_s === null ? "" : formatClock(film.duration_s)),
      h("span", { class: "small-text muted" }, timeElement(film.created_at)),
    ),
  );
