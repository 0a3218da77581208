// @ts-check
// The face: its idle loop, the answer over it, what it is doing, and captions.
import { fill, h, say } from "../core/dom.js";
import { t } from "../core/i18n.js";
import * as jobs from "../core/jobs.js";
import { playGrowing } from "./growing.js";

/** @typedef {import("../core/types.js").Avatar} Avatar */
/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {{listening: boolean, thinking: boolean}} Doing */

/** Cuts a text where a speaker would pause. @param {string} text @returns {string[]} */
export const sentences = (text) => text.match(/[^。！？!?；;\n]*?(?:[。！？!?；;\n]+|\.(?=\s|$)|$)["”’」』)）]*\s*/gu)?.map((s) => s.trim()).filter(Boolean) ?? [];

/**
 * The sentence that sounds at `part` (0 to 1) of a speech, taking each sentence's share of the time by its length:
 * an offline answer carries no word times, so this is an estimate good to about a second.
 * @param {string[]} said @param {number} part
 */
export function captionAt(said, part) {
  const all = said.reduce((n, s) => n + s.length, 0);
  let upto = 0;
  for (const sentence of said) {
    upto += sentence.length;
    if (upto / all >= part) return sentence;
  }
  return said.at(-1) ?? "";
}

/** How long a text takes to say, in seconds, while nobody knows yet: a Chinese sign 0.24 s, another 0.07 s. @param {string} text */
export const roughLength = (text) => [...text].reduce((s, c) => s + (/\p{Script=Han}/u.test(c) ? 0.24 : 0.07), 0);

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
  /** @type {{said: string[], length: () => number}} `length` in seconds */
  let speech = { said: [], length: () => 1 };

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
    if (speaking && speech.said.length) say(caption, captionAt(speech.said, answer.currentTime / speech.length()));
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
      const now = () => jobs.peek(job.id) ?? job;
      speech = { said: sentences(now().partial?.reply ?? now().result?.reply ?? ""), length: () => now().result?.duration_s ?? roughLength(now().partial?.reply ?? "") };
      playGrowing(answer, job, leave.signal, hush);
      jobs.watch(leave.signal, (e) => (speech.said = sentences(e.job.result?.reply ?? e.job.partial?.reply ?? "")), (j) => j.id === job.id);
      answer.play().catch(() => {});
    },
    /** Plays an answer of long ago. @param {string} url @param {string} text */
    playUrl(url, text) {
      begin();
      speech = { said: sentences(text), length: () => answer.duration || 1 };
      answer.src = url;
      answer.play().catch(() => {});
    },
  };
}
