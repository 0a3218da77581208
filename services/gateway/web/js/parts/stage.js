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

/** @param {AbortSignal} signal @param {...Node} extras pickers that sit on the stage */
export function stage(signal, ...extras) {
  const idle = h("video", { class: "idle", muted: true, loop: true, playsinline: true, "aria-hidden": "true", tabindex: -1 });
  const still = h("img", { class: "idle", alt: "" });
  const answer = h("video", { class: "answer", playsinline: true, "aria-label": t("face.answer") });
  const pill = h("p", { class: "stage-state", role: "status" });
  const caption = h("p", { class: "caption" });
  const el = h("section", { class: "stage", "aria-label": t("face") }, still, idle, answer, pill, caption, h("div", { class: "stage-pickers" }, ...extras));

  /** @type {Doing} */
  let doing = { listening: false, thinking: false };
  let speaking = false;
  let leave = new AbortController();
  /** @type {() => Clause[]} what is known of the speech by now */
  let clauses = () => [];

  const draw = () => {
    const state = !jobs.online() ? "offline" : doing.listening ? "listening" : speaking ? "speaking" : doing.thinking ? "thinking" : "idle";
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
  answer.addEventListener("playing", () => {
    speaking = true;
    el.classList.add("speaking");
    draw();
  });
  answer.addEventListener("ended", hush);
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
    answer.play().catch(() => {}); // not before a press on the page: the turn's own play button remains
  };
  draw();

  return {
    el,
    hush,
    /** @param {Avatar} avatar */
    show(avatar) {
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
      playGrowing(answer, job, leave.signal, hush);
      answer.play().catch(() => {});
    },
    /** Plays a finished answer. @param {string} url @param {Clause[]} said */
    playUrl(url, said) {
      begin();
      clauses = () => said;
      answer.src = url;
      answer.play().catch(() => {});
    },
  };
}
