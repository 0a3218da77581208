// @ts-check
// One turn of a conversation: the question, the answer, and the time of each step.
import { fallbackNote } from "../components/fallback_note.js";
import { foldArrow } from "../components/fold.js";
import { linkButton } from "../components/link_button.js";
import { problemCard } from "../components/problem_card.js";
import { soundButton } from "../components/sound_button.js";
import { timingsList } from "../components/timings_list.js";
import { downloadUrl, get } from "../core/api.js";
import { button, fill, h, setText } from "../core/dom.js";
import { timeElement } from "../core/format.js";
import { t } from "../i18n/translate.js";
import { cancelJob } from "../jobs/job_progress.js";
import * as jobs from "../jobs/job_store.js";
import { stageText, timeLeftText } from "../jobs/job_text.js";
import { textWarningNote } from "../speech/text_warnings.js";
import { ratingButtons } from "./rating.js";
import { turnSteps } from "./turn_steps.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("../core/types.js").Message} Message */
/** @typedef {import("../core/types.js").Timings} Timings */
/** @typedef {import("./rating.js").Rating} Rating */
/** @typedef {{play: (turn: Turn) => void, askAgain: (job: Job) => void,
 *   rate: (id: string, rating: Rating) => Promise<unknown>}} Actions */
/**
 * @typedef {object} Turn
 * @property {HTMLElement} el
 * @property {Job | null} job `null` before the question is sent, and for a turn of a past conversation
 * @property {string | null} video URL of the finished answer
 * @property {import("../core/types.js").Clause[]} clauses
 * @property {number | null} endFrame frame of the idle loop on which the answer ends
 * @property {HTMLElement} upload place for the progress of an upload
 * @property {(job: Job) => void} setJob
 * @property {(url: string) => void} setRecording shows the recording of the question
 * @property {(question: Message, answer: Message | null) => void} setMessages
 * @property {(why: string, ...actions: HTMLElement[]) => void} setBroken says that it was broken off, and offers to go
 *   on; the empty text takes it back
 * @property {(question: string, reply: string, running: boolean) => void} setSpoken words of a live conversation
 * @property {(error: unknown, retry: () => void) => void} fail shows that the question could not be sent
 */
/** @typedef {ReturnType<typeof turnElements>} TurnElements */
/** @typedef {{id: string, video: string | null, audio: string | null, timings: Timings, finishedAt: string,
 *   rating?: Rating}} Finished */

/**
 * @param {{text?: string}} question the typed question; without text it was spoken
 * @param {Actions} actions
 * @returns {Turn}
 */
export function turnView({ text }, actions) {
  const parts = turnElements(text ?? "");
  /** @type {Turn} */
  const turn = {
    el: parts.el,
    job: null,
    video: null,
    clauses: [],
    endFrame: null,
    upload: parts.upload,
    setRecording: (url) => showRecording(parts, url),
    setJob: (job) => showJob(turn, parts, job, actions),
    setMessages: (question, answer) => showMessages(turn, parts, question, answer, actions),
    setBroken(why, ...more) {
      fill(parts.broken, why ? h("span", { class: "small-text muted" }, why) : null, ...more);
    },
    setSpoken(question, reply, running) {
      setText(parts.question, question);
      parts.asked.hidden = !question;
      parts.answer.hidden = !reply;
      parts.steps.el.hidden = true;
      parts.status.hidden = true;
      showReply(parts, reply, running);
    },
    fail(error, retry) {
      parts.answer.hidden = false;
      parts.steps.el.hidden = true;
      fill(parts.problem, problemCard(error, { retry }));
    },
  };
  return turn;
}

/** @param {string} text */
function turnElements(text) {
  const question = h("p", { class: "words" }, text);
  const questionTools = h("div", { class: "row tools" });
  const upload = h("div", { class: "upload-place" });
  const reply = h("p", { class: "words" });
  const steps = turnSteps();
  const status = h("p", { class: "small-text muted status num" });
  const tools = h("div", { class: "row tools wrap" });
  const note = h("div", { class: "note-place" });
  const problem = h("div", null);
  const bubble = { class: "bubble answer", hidden: true };
  const answer = h("div", bubble, reply, steps.el, status, note, tools, problem);
  const you = h("span", { class: "sr" }, t("turn.you"));
  const asked = h("div", { class: "bubble asked" }, you, question, upload, questionTools);
  const broken = h("div", { class: "row wrap broken" });
  const el = h("li", { class: "turn" }, asked, answer, broken);
  return {
    el,
    asked,
    question,
    questionTools,
    upload,
    reply,
    steps,
    status,
    tools,
    problem,
    answer,
    broken,
    setNotes: noteSetter(note),
  };
}

/** Draws the notes only when they differ. @param {HTMLElement} place */
function noteSetter(place) {
  let shown = "[[],[]]";
  /** @param {Pick<Message, "fallbacks" | "warnings">} of who else did the work, and what was not said */
  return ({ fallbacks, warnings }) => {
    const now = JSON.stringify([fallbacks ?? [], warnings ?? []]);
    if (now !== shown) fill(place, fallbackNote(fallbacks), textWarningNote(warnings));
    shown = now;
  };
}

/** @param {string} url @param {string} icon @param {string} label */
const downloadLink = (url, icon, label) =>
  linkButton({ href: downloadUrl(url), icon, label, bare: true, kind: "small", download: true });

/** @param {TurnElements} parts @param {string} url */
function showRecording({ questionTools }, url) {
  const play = soundButton(url, t("turn.play.asked"));
  fill(questionTools, play, downloadLink(url, "download", t("turn.download.asked")));
}

/** @param {TurnElements} parts @param {string} text @param {boolean} running */
function showReply({ reply }, text, running) {
  setText(reply, text);
  reply.classList.toggle("thinking", running && !text);
}

/**
 * Shows what can be done with the finished answer.
 * @param {Turn} turn
 * @param {TurnElements} parts
 * @param {Finished} finished
 * @param {Actions} actions
 */
function showFinished(turn, { tools }, { id, video, audio, timings, finishedAt, rating = null }, actions) {
  turn.video = video;
  const replay = () =>
    button({
      icon: "play",
      label: t("turn.replay"),
      kind: "small",
      onclick: () => actions.play(turn),
      "data-act": "replay",
    });
  const summary = h("summary", { class: "button small quiet" }, foldArrow(), t("turn.times"));
  fill(
    tools,
    video ? replay() : null,
    video ? downloadLink(video, "download", t("turn.download")) : null,
    audio ? downloadLink(audio, "voice", t("turn.download.audio")) : null,
    id ? ratingButtons(rating, (value) => actions.rate(id, value)) : null,
    Object.keys(timings).length ? h("details", { class: "times" }, summary, timingsList(timings)) : null,
    h("span", { class: "small-text muted" }, timeElement(finishedAt)),
  );
}

/** @param {Turn} turn @param {TurnElements} parts @param {Job} job @param {Actions} actions */
function showJob(turn, parts, job, actions) {
  const first = turn.job === null;
  const running = !jobs.isFinished(job);
  const asset = job.params.audio_asset_id ?? null;
  turn.job = job;
  if (first && asset !== null && !parts.questionTools.childElementCount) {
    // the recording may be deleted; its transcript remains
    get(`/assets/${asset}`)
      .then((a) => turn.setRecording(a.url))
      .catch(() => {});
  }
  turn.el.dataset.job = job.id;
  turn.el.dataset.state = job.state;
  parts.answer.hidden = false;
  parts.steps.el.hidden = false;
  const known = { ...job.partial, ...(job.state === "succeeded" ? job.result : {}) };
  const timings = known.timings_ms ?? {};
  turn.clauses = known.clauses ?? [];
  turn.endFrame = job.result?.end_frame ?? null;
  setText(parts.question, known.transcript ?? job.params.text ?? "");
  parts.question.classList.toggle("thinking", !parts.question.textContent && running);
  showReply(parts, known.reply ?? "", running);
  parts.setNotes({ fallbacks: known.fallbacks, warnings: /** @type {any} */ (known.warnings) }); // no training here
  parts.steps.set(timings, { typed: asset === null, running, stage: job.stage });
  setText(parts.status, running ? [stageText(job), timeLeftText(job)].filter(Boolean).join(" · ") : "");
  parts.status.hidden = !running;
  const retry = () => actions.askAgain(job);
  fill(parts.problem, job.error && !running ? problemCard(job.error, { retry }) : null);
  if (job.state === "cancelled") turn.setBroken(t("state.cancelled"), againButton(retry));
  else turn.setBroken("");
  if (job.state === "succeeded" && job.result) {
    const { video_url: video, audio_url: audio } = job.result;
    const finishedAt = job.finished_at ?? job.created_at;
    showFinished(turn, parts, { id: job.id, video, audio, timings, finishedAt }, actions);
  } else if (!running) fill(parts.tools);
  else if (first) fill(parts.tools, cancelButton(turn));
}

/** @param {() => void} onclick */
export const againButton = (onclick) => button({ icon: "refresh", label: t("turn.again"), kind: "small", onclick });

/** @param {Turn} turn */
const cancelButton = (turn) =>
  button({
    icon: "close",
    label: t("cancel"),
    kind: "small quiet",
    onclick: () => turn.job && cancelJob(turn.job),
    "data-act": "cancel",
  });

/**
 * Shows a turn of a past conversation.
 * @param {Turn} turn
 * @param {TurnElements} parts
 * @param {Message} question
 * @param {Message | null} answer
 * @param {Actions} actions
 */
function showMessages(turn, parts, question, answer, actions) {
  turn.el.dataset.job = question.job_id;
  setText(parts.question, question.text);
  if (question.audio_url) turn.setRecording(question.audio_url);
  if (!answer) return;
  const timings = answer.timings_ms ?? {};
  parts.answer.hidden = false;
  turn.el.dataset.state = "succeeded";
  turn.clauses = answer.clauses ?? [];
  turn.endFrame = answer.end_frame ?? null;
  showReply(parts, answer.text, false);
  parts.setNotes(answer);
  parts.status.hidden = true;
  parts.steps.set(timings, { typed: !question.audio_url, running: false, stage: "" });
  const { job_id: id, video_url: video, audio_url: audio, created_at: finishedAt, rating } = answer;
  showFinished(turn, parts, { id, video, audio, timings, finishedAt, rating }, actions);
}
