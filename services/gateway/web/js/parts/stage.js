// @ts-check
// The face: its idle loop, the answer over it, what it is doing, and captions.
import { fill, h, say } from "../core/dom.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { playGrowing } from "./growing.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").Clause} Clause */
/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {{listening: boolean, thinking: boolean}} Doing */

/** What is said at a moment of the video, in seconds; empty while nothing is. @param {Clause[]} clauses @param {number} at */
export const captionAt = (clauses, at) => clauses.find((c) => c.start_s <= at && at < c.end_s)?.text.trim() ?? "";

/** An answer waits at most so long for the loop to arrive at its first frame: a jump is better than a long wait. */
const SEAM_WAIT_S = 0.5;
const SEEK_MS = 300;

/** Seconds until a loop of `frames` at `now` arrives at `start`. @param {number} start @param {number} now @param {number} frames @param {number} fps */
export const untilFrame = (start, now, frames, fps) => ((((start - now) % frames) + frames) % frames) / fps;

/** @param {AbortSignal} signal @param {...Node} extras pickers that sit on the stage */
export function stage(signal, ...extras) {
  const idle = h("video", {
    class: "idle",
    muted: true,
    loop: true,
    playsinline: true,
    "aria-hidden": "true",
    tabindex: -1,
  });
  const still = h("img", { class: "idle", alt: "" });
  const answer = h("video", { class: "answer", playsinline: true, "aria-label": t("face.answer") });
  const pill = h("p", { class: "stage-state", role: "status" });
  const caption = h("p", { class: "caption" });
  const el = h(
    "section",
    { class: "stage", "aria-label": t("face") },
    still,
    idle,
    answer,
    pill,
    caption,
    h("div", { class: "stage-pickers" }, ...extras),
  );

  /** @type {Doing} */
  let doing = { listening: false, thinking: false };
  let speaking = false;
  let leave = new AbortController();
  /** @type {() => Clause[]} what is known of the speech by now */
  let clauses = () => [];
  /** @type {() => number | null | undefined} the frame of the loop on which the answer ends */
  let endFrame = () => undefined;
  let fps = 0;
  const loopFrames = () => (fps && idle.duration > 0 ? Math.round(idle.duration * fps) : 0);
  const frameNow = () => Math.floor(idle.currentTime * fps);

  const draw = () => {
    const state = !jobs.online()
      ? "offline"
      : doing.listening
        ? "listening"
        : speaking
          ? "speaking"
          : doing.thinking
            ? "thinking"
            : "idle";
    el.dataset.state = state;
    say(pill, t(`face.${state}`));
  };
  const hush = () => {
    leave.abort();
    speaking = false;
    el.classList.remove("speaking");
    answer.pause();
    fill(caption);
    idle.play().catch(() => {});
    draw();
  };
  /** The loop goes on from the frame on which the answer ended; shown once it is there. */
  const backToLoop = () => {
    const [frame, frames, mine] = [endFrame(), loopFrames(), leave];
    const done = () => mine === leave && hush();
    if (frame === null || frame === undefined || !frames) return done();
    idle.currentTime = ((frame % frames) + 0.5) / fps;
    idle.addEventListener("seeked", done, { once: true, signal: mine.signal });
    setTimeout(done, SEEK_MS);
  };
  answer.addEventListener("playing", () => {
    idle.pause();
    speaking = true;
    el.classList.add("speaking");
    draw();
  });
  answer.addEventListener("ended", backToLoop);
  answer.addEventListener("timeupdate", () => {
    if (speaking) say(caption, captionAt(clauses(), answer.currentTime));
  });
  jobs.watchConnection(signal, draw);
  signal.addEventListener("abort", () => {
    leave.abort();
    answer.removeAttribute("src");
    answer.load();
  });
  const begin = () => {
    leave.abort();
    leave = new AbortController();
    speaking = false;
    endFrame = () => undefined;
  };
  /** Begins once there is something to see, as the loop arrives at the answer's first frame. @param {number | undefined} start */
  const playFrom = (start) => {
    const { signal: mine } = leave;
    const go = () => {
      if (!mine.aborted) answer.play().catch(() => {}); // not before a press on the page: the turn's own play button remains
    };
    const ready = () => {
      const frames = loopFrames();
      const wait = start === undefined || !frames || idle.paused ? 0 : untilFrame(start, frameNow(), frames, fps);
      el.dataset.seam = start === undefined ? "" : wait.toFixed(2);
      if (wait > 0 && wait <= SEAM_WAIT_S) setTimeout(go, wait * 1000);
      else go();
    };
    if (answer.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) ready();
    else answer.addEventListener("loadeddata", ready, { once: true, signal: mine });
  };
  draw();

  return {
    el,
    hush,
    /** The frame of the idle loop on the screen; nothing while none plays. @returns {number | undefined} */
    idleFrame: () => (loopFrames() && !idle.hidden && !idle.paused ? frameNow() : undefined),
    /** @param {Avatar} avatar */
    show(avatar) {
      fps = avatar.fps;
      still.src = avatar.thumbnail_url;
      still.style.setProperty("--picture", "1");
      if (avatar.idle_url && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
        idle.src = avatar.idle_url;
        idle.play().catch(() => {});
      } else idle.removeAttribute("src");
      idle.hidden = !idle.src;
    },
    /** @param {Doing} now */
    set(now) {
      doing = now;
      if (now.listening && speaking) hush();
      draw();
    },
    /** Plays a job's answer, from the first bytes on. @param {Job} job */
    playJob(job) {
      begin();
      clauses = () => (jobs.peek(job.id) ?? job).partial?.clauses ?? [];
      endFrame = () => (jobs.peek(job.id) ?? job).result?.end_frame;
      playGrowing(answer, job, leave.signal, hush);
      playFrom((jobs.peek(job.id) ?? job).partial?.start_frame);
    },
    /** Plays a finished answer. @param {string} url @param {Clause[]} said @param {number | null} [end] frame of the loop on which it ends */
    playUrl(url, said, end) {
      begin();
      clauses = () => said;
      endFrame = () => end;
      answer.src = url;
      answer.play().catch(() => {});
    },
  };
}
