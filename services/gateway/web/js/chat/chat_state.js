// @ts-check
// The state of the Chat page, shared by its modules.
import { fill } from "../core/dom.js";
import { savePreference } from "../core/preferences.js";
import { setQuery } from "../core/router.js";
import * as jobs from "../jobs/job_store.js";

/** @typedef {import("./turn_view.js").Turn} Turn */
/**
 * @typedef {object} LiveTalk
 * @property {(text: string) => void} ask
 * @property {() => void} leave
 * @property {() => void} onavatar another avatar was chosen
 * @property {() => void} onspeech another voice or persona was chosen
 */
/**
 * @typedef {object} Chat
 * @property {AbortSignal} signal aborts when the user leaves the page
 * @property {URLSearchParams} query
 * @property {ReturnType<typeof import("./speaker_pickers.js").speakerPickers>} speaker
 * @property {ReturnType<typeof import("./avatar_stage.js").avatarStage>} stage
 * @property {ReturnType<typeof import("./composer.js").composer>} composer
 * @property {HTMLElement} log the list of turns
 * @property {HTMLElement} scroller the part of the page that scrolls them
 * @property {HTMLElement} notices what is told of a live conversation, above the log
 * @property {Turn[]} turns
 * @property {string | null} conversation id, `null` for a new conversation
 * @property {Promise<void>} opening until the past turns of the conversation are shown
 * @property {boolean} listening whether the microphone records
 * @property {LiveTalk | null} live the live conversation, if there is one
 */

/** Whether a turn is being sent or answered. @param {Chat} chat */
export const isBusy = ({ turns }) =>
  turns.some((turn) => turn.el.dataset.state === "sending" || (turn.job && !jobs.isFinished(turn.job)));

/** Shows on the stage and in the composer what is going on. @param {Chat} chat */
export function showActivity(chat) {
  if (chat.live) return; // it shows its own state
  const busy = isBusy(chat);
  chat.stage.set({ listening: chat.listening, thinking: busy });
  chat.composer.setBusy(busy);
}

/** Makes a conversation the current one, also after a reload. @param {Chat} chat @param {string | null} id */
export function setConversation(chat, id) {
  chat.conversation = id;
  savePreference("chat.conversation", id ?? undefined);
  setQuery("c", id);
}

/** Appends a turn and scrolls to it. @param {Chat} chat @param {Turn} turn */
export function addTurn({ turns, log, scroller }, turn) {
  if (!turns.length) fill(log);
  turns.push(turn);
  log.append(turn.el);
  scroller.scrollTop = scroller.scrollHeight;
}
