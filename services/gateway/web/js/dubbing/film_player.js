// @ts-check
// The uploaded film beside the table: it plays one sentence at a time.
import { note } from "../components/layout.js";
import { stopSound } from "../components/sound_button.js";
import { fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { fetchAsset } from "../studio/asset_field.js";

/**
 * @param {string} id of the film's file @param {AbortSignal} signal
 * @param {(time_s: number | null) => void} ontime where it plays; `null` while it does not
 * @returns {{el: HTMLElement, play: (start_s: number, end_s: number) => void, pause: () => void}}
 */
export function filmPlayer(id, signal, ontime) {
  const el = h("div", { class: "dubbing-film" }, h("div", { class: "skeleton", "aria-hidden": "true" }));
  /** @type {HTMLVideoElement | null} */
  let video = null;
  let until_s = Infinity;

  /** @param {string} url */
  function show(url) {
    const attrs = { controls: true, playsinline: true, preload: "metadata", "aria-label": t("dubbing.original_film") };
    const made = h("video", { src: `${url}#t=0.1`, class: "player", ...attrs }); // a picture instead of nothing
    const tell = () => {
      if (made.currentTime >= until_s) made.pause();
      ontime(made.paused ? null : made.currentTime);
    };
    made.addEventListener("play", stopSound);
    made.addEventListener("pause", () => (until_s = Infinity));
    for (const name of ["timeupdate", "pause", "ended"]) made.addEventListener(name, tell);
    video = made;
    fill(el, made);
  }
  fetchAsset(id).then(
    ({ url }) => signal.aborted || show(url),
    () => signal.aborted || fill(el, note(t("dubbing.film_gone"), { kind: "warn", icon: "alert" })),
  );
  return {
    el,
    play(start_s, end_s) {
      if (!video) return;
      video.currentTime = start_s;
      until_s = end_s;
      video.play().catch(() => {}); // blocked before the first click on the page; the controls remain
    },
    pause: () => video?.pause(),
  };
}
