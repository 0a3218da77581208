// @ts-check
// Opening a conversation: its past turns, and those that are still being answered.
import { isAbort, problemCard } from "../components/problem_card.js";
import { get } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import * as jobs from "../jobs/job_store.js";
import { t } from "../i18n/translate.js";
import { addTurn, isBusy, setConversation, showActivity } from "./chat_state.js";
import { askText, followTurn, newTurn, showGreeting } from "./questions.js";
import { againButton } from "./turn_view.js";

/** @typedef {import("../core/types.js").Job} Job */
/** @typedef {import("../core/types.js").Message} Message */
/** @typedef {import("./chat_state.js").Chat} Chat */

/** Opens a conversation, `null` for a new one. @param {Chat} chat @param {string | null} id */
export const openConversation = (chat, id) => (chat.opening = open(chat, id));

/** @param {Chat} chat @param {string | null} id @returns {Promise<void>} */
async function open(chat, id) {
  chat.stage.stop();
  chat.turns = [];
  setConversation(chat, id);
  fill(chat.log);
  try {
    const found = id ? await get(`/conversations/${encodeURIComponent(id)}`, chat.signal) : null;
    if (chat.conversation !== id) return;
    addPastTurns(chat, found?.messages ?? []);
  } catch (error) {
    if (isAbort(error)) return;
    setConversation(chat, null);
    const retry = () => void openConversation(chat, id);
    const deleted = /** @type {any} */ (error).body?.status === 404;
    if (!deleted) fill(chat.log, h("li", null, problemCard(error, { retry })));
  }
  await resumeTurns(chat);
  if (!chat.turns.length && !chat.log.childElementCount) showGreeting(chat);
  showActivity(chat);
}

/** @param {Chat} chat @param {Message[]} messages */
function addPastTurns(chat, messages) {
  for (const question of messages.filter((m) => m.role === "user")) {
    const turn = newTurn(chat, question.text);
    const answer = messages.find((m) => m.role === "assistant" && m.job_id === question.job_id);
    turn.setMessages(question, answer ?? null);
    if (!answer || answer.interrupted) {
      const again = againButton(() => isBusy(chat) || askText(chat, question.text));
      turn.setBroken(t(answer ? "turn.interrupted" : "turn.unheard"), again);
    }
    addTurn(chat, turn);
  }
}

/** @param {Job} job @returns {string | null} */
const conversationOf = (job) => job.result?.conversation_id ?? job.params.conversation_id ?? null;

/** Shows the turns that were unfinished when the user left the page. @param {Chat} chat @returns {Promise<void>} */
async function resumeTurns(chat) {
  const { signal, query } = chat;
  const last = query.get("job") ?? loadPreference("chat.job", null);
  const found = await jobs
    .fetchJobs("kind=dialogue&state=active&limit=50", signal)
    .catch(() => /** @type {Job[]} */ ([]));
  if (last && !found.some((j) => j.id === last)) {
    await jobs.fetchJob(last, signal).then(
      (j) => found.push(j),
      () => savePreference("chat.job", undefined),
    );
  }
  const latest = found.find((j) => j.id === last);
  if (latest && chat.conversation === null && conversationOf(latest)) {
    return open(chat, conversationOf(latest)); // its first turn ended while the page was closed
  }
  const mine = found.filter(
    (j) => conversationOf(j) === chat.conversation && (chat.conversation !== null || j.id === last),
  );
  for (const job of mine.sort((a, b) => a.created_at.localeCompare(b.created_at))) resumeTurn(chat, job);
}

/** @param {Chat} chat @param {Job} job */
function resumeTurn(chat, job) {
  const shown = chat.turns.find((turn) => turn.el.dataset.job === job.id);
  if (shown && job.state === "succeeded") return;
  const turn = shown ?? newTurn(chat, job.params.text ?? undefined);
  if (!shown) addTurn(chat, turn);
  followTurn(chat, turn, job);
}
