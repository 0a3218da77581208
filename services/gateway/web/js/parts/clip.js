// @ts-check
// A clip to train on: what the upload told of it, and those that were uploaded earlier.
import { list } from "../core/api.js";
import { fill, h, icon } from "../core/dom.js";
import { avatars } from "../core/facts.js";
import { bytes, clock, number } from "../core/format.js";
import { t } from "../core/i18n.js";

/** @typedef {import("../core/types.js").Asset} Asset */
/** @typedef {{key: string, state: "good" | "warn" | "bad", text: string}} Check */

const LEAST_S = 4;
const SHORT_S = 12;
const LONG_S = 60;
const SMALL_PX = 256;
const FPS = [20, 61];

/** What can be said before the training looks at the faces and the sound. @param {Asset} clip @returns {Check[]} */
export function clipChecks(clip) {
  const seconds = clip.duration_s ?? 0;
  const side = Math.min(clip.width ?? 0, clip.height ?? 0);
  const fps = clip.fps ?? 0;
  /** @type {(key: string, state: "good" | "warn" | "bad", words: string, params?: Record<string, string | number>) => Check} */
  const say = (key, state, words, params = {}) => ({ key, state, text: t(`check.${words}`, params) });
  return [
    clip.has_audio === false ? say("sound", "bad", "sound.none") : say("sound", "good", "sound"),
    seconds < SHORT_S
      ? say("length", seconds < LEAST_S ? "bad" : "warn", seconds < LEAST_S ? "length.none" : "length.short", {
          s: number(seconds, 1),
          least: seconds < LEAST_S ? LEAST_S : SHORT_S,
        })
      : seconds > LONG_S
        ? say("length", "warn", "length.long", { s: LONG_S })
        : say("length", "good", "length", { time: clock(seconds) }),
    side < SMALL_PX
      ? say("size", "warn", "size.small", { w: clip.width ?? 0, h: clip.height ?? 0 })
      : say("size", "good", "size"),
    fps < FPS[0] || fps > FPS[1] ? say("fps", "warn", "fps.odd", { fps: number(fps, 1) }) : say("fps", "good", "fps"),
  ];
}

/** @param {Asset} clip */
export const clipFacts = (clip) =>
  h(
    "p",
    { class: "small-text muted num" },
    [
      clock(clip.duration_s ?? 0),
      `${clip.width} × ${clip.height}`,
      `${number(clip.fps ?? 0, 2)} fps`,
      bytes(clip.bytes),
    ].join(" · "),
  );

/**
 * Videos uploaded before, avatars' sources among them, to be trained on without another upload. Hidden while there are none.
 * @param {AbortSignal} signal @param {(clip: Asset) => void} picked
 */
export function earlierClips(signal, picked) {
  const el = h("div", { class: "stack", hidden: true });
  const source = (/** @type {any} */ job) => /** @type {const} */ ([job.params.asset_id, job.result?.avatar_id]);
  Promise.all([
    list("/assets?kind=video&limit=24", signal),
    list("/jobs?kind=avatar&state=succeeded&limit=100", signal),
    avatars().catch(() => []),
  ]).then(
    ([clips, made, faces]) => {
      const names = new Map(faces.map((a) => [a.id, a.name]));
      const sources = new Map(made.map(source).filter(([, id]) => names.has(id)));
      el.hidden = !clips.length;
      fill(
        el,
        h("h2", null, t("training.earlier")),
        h(
          "ul",
          { class: "grid earlier-clips" },
          ...clips.map((/** @type {Asset} */ clip) => {
            const name = names.get(sources.get(clip.id) ?? "");
            return h(
              "li",
              null,
              h(
                "button",
                { type: "button", class: "earlier-clip", on: { click: () => picked(clip) } },
                icon(name ? "avatar" : "video"),
                h(
                  "span",
                  { class: "stack tight no-gap grow" },
                  h("span", { class: "clip" }, clip.name),
                  h(
                    "span",
                    { class: "small-text muted num" },
                    [clock(clip.duration_s ?? 0), name ? t("training.source", { name }) : ""]
                      .filter(Boolean)
                      .join(" · "),
                  ),
                ),
              ),
            );
          }),
        ),
      );
    },
    () => {},
  ); // without the list the upload remains
  return el;
}
