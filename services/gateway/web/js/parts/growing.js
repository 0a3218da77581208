// @ts-check
// Playing a job's video while it is still made.
//
// The fragments go to the player as they come (Media Source Extensions): a plain `src` on a file that grows starts late and
// in Chromium begins again when it runs dry. Where there is no MediaSource, `src` is tried, and at last the finished file.
import * as jobs from "../core/jobs.js";

/** @typedef {import("../core/types.js").Job} Job */

const AGAIN_MS = 1000;
/** Attempts that bring nothing new before giving up; the finished file can still be played by hand. */
const TRIES = 5;
const KEEP_S = 10;

/**
 * Sets the player's source at once (so that `play()` may follow) and feeds it until the end. A stream that breaks off
 * since the drawing started over is asked for again, at the same place.
 * @param {HTMLVideoElement} video @param {Job} job @param {AbortSignal} signal
 * @param {() => void} gaveup there is nothing to play
 */
export function playGrowing(video, job, signal, gaveup) {
  const now = () => jobs.peek(job.id) ?? job;
  let tries = 0;
  let reached = 0;
  const again = (/** @type {number} */ at) => {
    if (signal.aborted) return;
    tries = at > reached ? 0 : tries + 1;
    reached = Math.max(at, reached);
    if (tries > TRIES || (jobs.over(now()) && now().state !== "succeeded")) return gaveup();
    setTimeout(() => {
      if (signal.aborted) return;
      from(at);
      video.play().catch(() => {}); // the player was stopped meanwhile
    }, AGAIN_MS);
  };
  /** @param {number} at seconds */
  function from(at) {
    const { state, result, video_url } = now();
    if (at) video.addEventListener("loadedmetadata", () => (video.currentTime = at), { once: true, signal });
    if (state === "succeeded") video.src = result?.video_url;
    else if (video_url && "MediaSource" in window) feed(video, video_url, signal).catch(() => again(video.currentTime));
    else if (video_url) video.src = video_url;
  }
  video.addEventListener(
    "error",
    () => {
      if (video.src.startsWith("blob:")) return; // the feeding tells
      if (now().state === "succeeded" && video.currentSrc.includes("sig=")) gaveup();
      else again(video.currentTime);
    },
    { signal },
  );
  from(0);
}

/**
 * @param {HTMLVideoElement} video @param {string} url @param {AbortSignal} signal
 * @returns {Promise<void>} when all was handed over; rejects when the stream broke off
 */
async function feed(video, url, signal) {
  const media = new MediaSource();
  const address = URL.createObjectURL(media);
  video.src = address;
  try {
    await once(media, "sourceopen", signal);
    const answer = await fetch(url, { signal });
    if (!answer.ok || !answer.body) throw new Error(`status ${answer.status}`);
    const reader = answer.body.getReader();
    let head = new Uint8Array();
    /** @type {SourceBuffer | null} */
    let buffer = null;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (buffer) await append(buffer, value, video, signal);
      else {
        head = joined(head, value);
        const type = typeOf(head);
        if (!type) continue;
        buffer = media.addSourceBuffer(type);
        await append(buffer, head, video, signal);
      }
    }
    if (!buffer) throw new Error("no video came");
    if (media.readyState === "open") media.endOfStream();
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** @param {Uint8Array} a @param {Uint8Array} b */
function joined(a, b) {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/**
 * The MIME type that MediaSource wants, read from the head of the file; null until the head is whole (its first
 * fragment has begun).
 * @param {Uint8Array} head @returns {string | null}
 */
function typeOf(head) {
  const find = (/** @type {string} */ name) => {
    const codes = [...name].map((c) => c.charCodeAt(0));
    return head.findIndex((_, i) => codes.every((c, k) => head[i + k] === c));
  };
  if (find("moof") < 0) return null;
  const at = find("avcC");
  if (at < 0) throw new Error("not H.264");
  const profile = [...head.subarray(at + 5, at + 8)].map((b) => b.toString(16).padStart(2, "0")).join("");
  return `video/mp4; codecs="avc1.${profile}${find("mp4a") < 0 ? "" : ",mp4a.40.2"}"`;
}

/** @param {SourceBuffer} buffer @param {Uint8Array} data @param {HTMLVideoElement} video @param {AbortSignal} signal */
async function append(buffer, data, video, signal) {
  for (;;) {
    try {
      buffer.appendBuffer(/** @type {BufferSource} */ (data));
      return await once(buffer, "updateend", signal);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
      const played = video.currentTime - KEEP_S;
      if (played > 0) {
        buffer.remove(0, played);
        await once(buffer, "updateend", signal);
      } else await once(video, "timeupdate", signal); // full: wait until some was seen
    }
  }
}

/** @param {EventTarget} target @param {string} name @param {AbortSignal} signal @returns {Promise<void>} */
const once = (target, name, signal) =>
  new Promise((resolve, reject) => {
    target.addEventListener(name, () => resolve(), { once: true, signal });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
