// @ts-check
// The stage of the chat: the avatar's idle loop, the answer video over it, the current state, and captions.
import { fill, h, setText } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { framing } from "./framing.js";
import { playProgressively } from "./progressive_video.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").Clause} Clause */
/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {{listening: boolean, thinking: boolean}} Activity */
/** @typedef {{clauses: () => Clause[], endFrame: () => number | null | undefined}} Answer what is known of it by now */
/** @typedef {ReturnType<typeof stageElements>} StageElements */

/** Longest wait for the idle loop to reach the answer's first frame. A jump is better than a longer wait. */
const MAX_SEAM_WAIT_S = 0.5;
const SEEK_MS = 300;

/** @type {Answer} */
const NO_ANSWER = { clauses: () => [], endFrame: () => undefined };

/** The clause that is spoken at `at` seconds of the video, or empty. @param {Clause[]} clauses @param {number} at */
export const captionAt = (clauses, at) => clauses.find((c) => c.start_s <= at && at < c.end_s)?.text.trim() ?? "";

/**
 * Seconds until a loop of `frames` frames at frame `now` reaches frame `start`.
 * @param {number} start @param {number} now @param {number} frames @param {number} fps
 */
export const secondsUntilFrame = (start, now, frames, fps) => ((((start - now) % frames) + frames) % frames) / fps;

/** @param {AbortSignal} signal @param {...Node} pickers shown on the stage */
export function avatarStage(signal, ...pickers) {
  const parts = stageElements(pickers);
  const loop = idleLoop(parts.idle, parts.still);
  const frame = framing(parts.el, () => Math.min(160, 0.3 * parts.el.clientHeight), signal);
  const player = answerPlayer(parts, loop);
  /** @type {Activity} */
  let activity = { listening: false, thinking: false };
  /** @type {{state: string, text: string} | null} */
  let live = null;

  const draw = () => {
    const state = live?.state ?? stageState(activity, player.isSpeaking());
    parts.el.dataset.state = state;
    setText(parts.status, live?.text ?? t(`face.${state}`));
  };
  player.onchange = draw;
  jobs.watchConnection(signal, draw);
  signal.addEventListener("abort", player.release);
  draw();

  return {
    el: parts.el,
    stop: player.stop,
    idleFrame: loop.visibleFrame,
    show: (/** @type {Avatar} */ avatar) => [frame, loop].forEach((part) => part.show(avatar)),
    loop,
    add: (/** @type {HTMLElement} */ el) => parts.status.before(el),
    setCaption: (/** @type {string} */ text) => setText(parts.caption, text),
    /** Shows the state of a live conversation instead. @param {{state: string, text: string} | null} now */
    setLive(now) {
      live = now;
      parts.el.classList.toggle("live", live !== null);
      draw();
    },
    /** @param {Activity} now */
    set(now) {
      activity = now;
      if (now.listening && player.isSpeaking()) player.stop();
      draw();
    },
    /** Plays a job's answer while it is made. @param {Job} job */
    playJob(job) {
      const latest = () => jobs.find(job.id) ?? job;
      const clauses = () => latest().partial?.clauses ?? [];
      const signal = player.begin({ clauses, endFrame: () => latest().result?.end_frame });
      playProgressively(parts.answer, job, signal, player.stop);
      player.playAtFrame(latest().partial?.start_frame);
    },
    /**
     * Plays a finished answer, which ends on `endFrame` of the idle loop.
     * @param {string} url @param {Clause[]} clauses @param {number | null} [endFrame]
     */
    playUrl(url, clauses, endFrame) {
      player.begin({ clauses: () => clauses, endFrame: () => endFrame });
      parts.answer.src = url;
      parts.answer.play().catch(() => {});
    },
  };
}

/** @param {Activity} activity @param {boolean} speaking */
function stageState(activity, speaking) {
  if (!jobs.isOnline()) return "offline";
  if (activity.listening) return "listening";
  if (speaking) return "speaking";
  return activity.thinking ? "thinking" : "idle";
}

/** @param {Node[]} pickers */
function stageElements(pickers) {
  const hidden = { "aria-hidden": "true", tabindex: -1 };
  const idle = h("video", { class: "idle", muted: true, loop: true, playsinline: true, ...hidden });
  const still = h("img", { class: "idle", alt: "" });
  const answer = h("video", { class: "answer", playsinline: true, "aria-label": t("face.answer") });
  const status = h("p", { class: "stage-state", role: "status" });
  const caption = h("p", { class: "caption" });
  const pickerRow = h("div", { class: "stage-pickers" }, ...pickers);
  const label = { class: "stage", "aria-label": t("face") };
  const mark = h("p", { class: "stage-mark" }, t("stage.mark"));
  const el = h("section", label, still, idle, answer, status, mark, caption, pickerRow);
  return { el, idle, still, answer, status, caption };
}

/**
 * The idle loop by its frames.
 * @param {HTMLVideoElement} idle
 * @param {HTMLImageElement} still shown until the loop plays
 */
function idleLoop(idle, still) {
  let fps = 0;
  const frameCount = () => (fps && idle.duration > 0 ? Math.round(idle.duration * fps) : 0);
  const currentFrame = () => Math.floor(idle.currentTime * fps);
  return {
    play: () => void idle.play().catch(() => {}),
    pause: () => idle.pause(),
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
    /** The frame on the screen, or `undefined` while no loop plays. @returns {number | undefined} */
    visibleFrame: () => (frameCount() && !idle.hidden && !idle.paused ? currentFrame() : undefined),
    /** Seconds until the loop shows `frame`; 0 when there is nothing to wait for. @param {number | undefined} frame */
    secondsUntil: (frame) =>
      frame === undefined || !frameCount() || idle.paused
        ? 0
        : secondsUntilFrame(frame, currentFrame(), frameCount(), fps),
    /**
     * Seeks to the middle of `frame`. Calls `done` once it is there, late or at once if the frame is unknown.
     * @param {number | null | undefined} frame @param {() => void} done @param {AbortSignal} signal
     */
    seek(frame, done, signal) {
      const frames = frameCount();
      if (frame === null || frame === undefined || !frames) return done();
      idle.currentTime = ((frame % frames) + 0.5) / fps;
      idle.addEventListener("seeked", done, { once: true, signal });
      setTimeout(done, SEEK_MS);
    },
  };
}

/** Plays answers over the idle loop. @param {StageElements} parts @param {ReturnType<typeof idleLoop>} loop */
function answerPlayer({ el, answer, caption }, loop) {
  let speaking = false;
  let lifetime = new AbortController();
  let current = NO_ANSWER;
  const player = {
    onchange: () => {},
    isSpeaking: () => speaking,
    /** Prepares for an answer. @param {Answer} next @returns {AbortSignal} aborts when the answer is over */
    begin(next) {
      lifetime.abort();
      lifetime = new AbortController();
      speaking = false;
      current = next;
      return lifetime.signal;
    },
    stop() {
      lifetime.abort();
      speaking = false;
      el.classList.remove("speaking");
      answer.pause();
      fill(caption);
      loop.play();
      player.onchange();
    },
    release() {
      lifetime.abort();
      answer.removeAttribute("src");
      answer.load();
    },
    /**
     * Starts with the first picture, when the loop shows the answer's first frame.
     * @param {number | undefined} start
     */
    playAtFrame: (start) => playAtFrame(el, answer, loop, start, lifetime.signal),
  };
  answer.addEventListener("playing", () => {
    loop.pause();
    speaking = true;
    el.classList.add("speaking");
    player.onchange();
  });
  answer.addEventListener("ended", () => {
    const mine = lifetime;
    // the loop continues from the frame on which the answer ended, and is shown once it is there
    loop.seek(current.endFrame(), () => mine === lifetime && player.stop(), mine.signal);
  });
  answer.addEventListener("timeupdate", () => {
    if (speaking) setText(caption, captionAt(current.clauses(), answer.currentTime));
  });
  return player;
}

/**
 * @param {HTMLElement} el @param {HTMLVideoElement} answer @param {ReturnType<typeof idleLoop>} loop
 * @param {number | undefined} start frame of the loop @param {AbortSignal} signal
 */
function playAtFrame(el, answer, loop, start, signal) {
  const play = () => {
    // blocked before the first click on the page: the replay button of the turn remains
    if (!signal.aborted) answer.play().catch(() => {});
  };
  const ready = () => {
    const wait = loop.secondsUntil(start);
    el.dataset.seam = start === undefined ? "" : wait.toFixed(2);
    if (wait > 0 && wait <= MAX_SEAM_WAIT_S) setTimeout(play, wait * 1000);
    else play();
  };
  if (answer.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) ready();
  else answer.addEventListener("loadeddata", ready, { once: true, signal });
}
