// @ts-check
// Asking questions: by text, by audio file, and again; and following the answers.
import { announce } from "../components/announcements.js";
import { uploadFile } from "../components/file_upload.js";
import { call, create, newIdempotencyKey } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { savePreference } from "../core/preferences.js";
import { t } from "../i18n/translate.js";
import * as jobs from "../jobs/job_store.js";
import { addTurn, isBusy, setConversation, showActivity } from "./chat_state.js";
import { turnView } from "./turn_view.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("./chat_state.js").Chat} Chat */
/** @typedef {import("./turn_view.js").Turn} Turn */
/** @typedef {Record<string, string>} Question the part of `POST /dialogues` that asks: `text` or `audio_asset_id` */

/** The log follows new text while it is scrolled at most this far from its end. */
const SCROLL_MARGIN_PX = 80;

/** A turn with its actions. @param {Chat} chat @param {string} [text] the typed question; without it, it was spoken */
export const newTurn = (chat, text) =>
  turnView(
    { text },
    {
      play: (turn) => playAnswer(chat, turn),
      askAgain: (job) => askAgain(chat, job),
      rate: (id, rating) => rate(chat, id, rating),
    },
  );

/** @param {Chat} chat @param {string} id of the answer's turn @param {import("./rating.js").Rating} rating */
const rate = ({ conversation }, id, rating) =>
  call("PUT", `/conversations/${encodeURIComponent(conversation ?? "")}/answers/${encodeURIComponent(id)}/rating`, {
    body: { rating },
  });

/** @param {Chat} chat @param {string} text */
export function askText(chat, text) {
  if (chat.live) chat.live.ask(text);
  else void send(chat, newTurn(chat, text), async () => ({ text }));
}

/** Uploads a recording and asks with it. @param {Chat} chat @param {File} file */
export async function askAudio(chat, file) {
  const turn = newTurn(chat);
  const question = await send(chat, turn, async () => {
    const asset = await uploadFile(turn.upload, file, { signal: chat.signal, back: () => dropTurn(chat, turn) });
    if (!asset) return null;
    fill(turn.upload);
    turn.setRecording(asset.url);
    return { audio_asset_id: asset.id };
  });
  if (question === null && turn.el.isConnected) turn.el.dataset.state = "failed";
  showActivity(chat);
}

/** Asks the question of a job once more. @param {Chat} chat @param {Job} job */
function askAgain(chat, job) {
  if (isBusy(chat)) return;
  const { text, audio_asset_id } = job.params;
  /** @type {Question} */
  const question = text ? { text } : { audio_asset_id };
  void send(chat, newTurn(chat, text ?? undefined), async () => question);
}

/** @param {Chat} chat @param {Turn} turn */
function playAnswer({ stage }, turn) {
  if (turn.video) stage.playUrl(turn.video, turn.clauses, turn.endFrame);
  else if (turn.job) stage.playJob(turn.job);
}

/**
 * Shows a turn at once, then sends its question.
 * @param {Chat} chat
 * @param {Turn} turn
 * @param {() => Promise<Question | null>} prepare the question; `null` when there is none after all
 * @param {{key: string, body: Record<string, unknown>}} [sent] the first request, which a retry repeats
 */
async function send(chat, turn, prepare, sent) {
  turn.el.dataset.state = "sending";
  if (!turn.el.isConnected) addTurn(chat, turn);
  showActivity(chat);
  const key = sent?.key ?? newIdempotencyKey();
  const question = await prepare();
  if (!question) return null;
  const body = sent?.body ?? requestBody(chat, question);
  try {
    const job = jobs.created(await create("/dialogues", body, key));
    savePreference("chat.job", job.id);
    if (question.text !== undefined) chat.composer.clear();
    followTurn(chat, turn, job);
  } catch (error) {
    turn.el.dataset.state = "failed";
    turn.fail(error, () => void send(chat, turn, async () => question, { key, body }));
  }
  showActivity(chat);
  return question;
}

/** @param {Chat} chat @param {Question} question */
const requestBody = ({ speaker, conversation, stage }, question) => ({
  ...question,
  ...speaker.params(),
  conversation_id: conversation ?? undefined,
  idle_frame: stage.idleFrame(),
});

/**
 * Updates a turn from its job, and plays the answer once it is playable.
 * @param {Chat} chat
 * @param {Turn} turn
 * @param {Job} first
 */
export function followTurn(chat, turn, first) {
  const { scroller, stage, signal } = chat;
  let played = first.state === "succeeded";
  let announced = "";
  const draw = (/** @type {Job} */ job) => {
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < SCROLL_MARGIN_PX;
    turn.setJob(job);
    const id = job.result?.conversation_id ?? job.params.conversation_id;
    if (id && id !== chat.conversation && chat.turns.includes(turn)) setConversation(chat, id);
    if (job.playable && !played) {
      played = true;
      stage.playJob(job);
    }
    if (jobs.isFinished(job) && announced !== job.state) {
      announced = job.state;
      announce(job.state === "succeeded" ? (job.result?.reply ?? "") : t(`state.${job.state}`));
    }
    if (atEnd) scroller.scrollTop = scroller.scrollHeight;
    showActivity(chat);
  };
  jobs.follow(first, signal, draw, () => turn.el.isConnected);
}

/** Removes a turn that was not sent. @param {Chat} chat @param {Turn} turn */
function dropTurn(chat, turn) {
  turn.el.remove();
  chat.turns = chat.turns.filter((other) => other !== turn);
  if (!chat.turns.length) showGreeting(chat);
  showActivity(chat);
}

/** The empty conversation: a greeting and suggested questions. @param {Chat} chat */
export function showGreeting(chat) {
  const suggestion = (/** @type {number} */ n) => {
    const text = t(`chat.suggest.${n}`);
    const click = () => askText(chat, text);
    return h("li", null, h("button", { type: "button", class: "button suggestion", on: { click } }, text));
  };
  const greeting = h("div", { class: "bubble answer" }, h("p", { class: "words" }, t("chat.greeting")));
  const suggestions = h("ul", { class: "stack tight suggestions" }, ...[1, 2, 3].map(suggestion));
  fill(chat.log, h("li", { class: "turn greeting" }, greeting, suggestions));
}
