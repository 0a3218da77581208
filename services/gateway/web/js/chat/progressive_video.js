// @ts-check
// Plays a job's video while it is made.
//
// Fragments are fed to the player as they arrive (Media Source Extensions). A plain `src` on a progressive file starts
// late, and Chromium restarts it when the data runs out. Without MediaSource `src` is used, and finally the finished
// file.
import * as jobs from "../jobs/job_store.js";

/** @typedef {import("../core/types.js").Job} Job */

const RETRY_MS = 1000;

/** Attempts without progress before giving up. The finished file can still be played by hand. */
const MAX_TRIES = 5;
const KEEP_PLAYED_S = 10;

/**
 * Sets the player's source at once, so that `play()` may follow, and feeds it until the end. A stream that breaks off
 * because the rendering restarted is requested again, at the same position.
 * @param {HTMLVideoElement} video @param {Job} job @param {AbortSignal} signal
 * @param {() => void} onfailed there is nothing to play
 */
export function playProgressively(video, job, signal, onfailed) {
  const latest = () => jobs.find(job.id) ?? job;
  let tries = 0;
  let reached = 0;
  const retryAt = (/** @type {number} */ at) => {
    if (signal.aborted) return;
    tries = at > reached ? 0 : tries + 1;
    reached = Math.max(at, reached);
    if (tries > MAX_TRIES || (jobs.isFinished(latest()) && latest().state !== "succeeded")) return onfailed();
    setTimeout(() => {
      if (signal.aborted) return;
      start(at);
      video.play().catch(() => {}); // the player was stopped in the meantime
    }, RETRY_MS);
  };
  /** @param {number} at seconds */
  function start(at) {
    const { state, result, video_url } = latest();
    if (at) video.addEventListener("loadedmetadata", () => (video.currentTime = at), { once: true, signal });
    if (state === "succeeded") video.src = result?.video_url;
    else if (video_url && "MediaSource" in window)
      feedMediaSource(video, video_url, signal).catch(() => retryAt(video.currentTime));
    else if (video_url) video.src = video_url;
  }
  video.addEventListener(
    "error",
    () => {
      if (video.src.startsWith("blob:")) return; // feedMediaSource reports it
      if (latest().state === "succeeded" && video.currentSrc.includes("sig=")) onfailed();
      else retryAt(video.currentTime);
    },
    { signal },
  );
  start(0);
}

/**
 * @param {HTMLVideoElement} video @param {string} url @param {AbortSignal} signal
 * @returns {Promise<void>} resolves at the end of the stream; rejects when it breaks off
 */
async function feedMediaSource(video, url, signal) {
  const media = new MediaSource();
  const address = URL.createObjectURL(media);
  video.src = address;
  try {
    await nextEvent(media, "sourceopen", signal);
    const answer = await fetch(url, { signal });
    if (!answer.ok || !answer.body) throw new Error(`status ${answer.status}`);
    const reader = answer.body.getReader();
    let head = new Uint8Array();
    /** @type {SourceBuffer | null} */
    let buffer = null;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (buffer) await appendData(buffer, value, video, signal);
      else {
        head = concatenate(head, value);
        const type = mimeType(head);
        if (!type) continue;
        buffer = media.addSourceBuffer(type);
        await appendData(buffer, head, video, signal);
      }
    }
    if (!buffer) throw new Error("no video data");
    if (media.readyState === "open") media.endOfStream();
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** @param {Uint8Array} a @param {Uint8Array} b */
function concatenate(a, b) {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/**
 * The MIME type for MediaSource, read from the head of the file. `null` until the head is complete, which the start of
 * the first fragment shows.
 * @param {Uint8Array} head @returns {string | null}
 */
function mimeType(head) {
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
async function appendData(buffer, data, video, signal) {
  for (;;) {
    try {
      buffer.appendBuffer(/** @type {BufferSource} */ (data));
      return await nextEvent(buffer, "updateend", signal);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
      const played = video.currentTime - KEEP_PLAYED_S;
      if (played > 0) {
        buffer.remove(0, played);
        await nextEvent(buffer, "updateend", signal);
      } else await nextEvent(video, "timeupdate", signal); // the buffer is full: wait until a part was played
    }
  }
}

/** @param {EventTarget} target @param {string} name @param {AbortSignal} signal @returns {Promise<void>} */
const nextEvent = (target, name, signal) =>
  new Promise((resolve, reject) => {
    target.addEventListener(name, () => resolve(), { once: true, signal });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
