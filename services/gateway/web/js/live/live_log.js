// @ts-check
// The words of a live conversation in the log of the chat: what the user says as it is heard, what the avatar says as
// it is spoken.
import { toast } from "../components/announcements.js";
import { button } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { addTurn, setConversation } from "../chat/chat_state.js";
import { askText, newTurn } from "../chat/questions.js";
import { againButton } from "../chat/turn_view.js";

/** @typedef {import("../chat/chat_state.js").Chat} Chat */
/** @typedef {import("../chat/turn_view.js").Turn} Turn */
/** @typedef {import("../core/types.js").Fallback} Fallback */
/** @typedef {import("../core/types.js").Timings} Timings */
/** @typedef {import("../speech/text_warnings.js").TextWarning} TextWarning */
/** @typedef {import("./live_session.js").LiveSession} LiveSession */
/** @typedef {{turn: Turn, question: string, reply: string, whole: string, id: string, isTyped: boolean,
 *   isOver: boolean, fallbacks: Fallback[], warnings: TextWarning[]}} Entry `whole`: all that was spoken or will be */

const SCROLL_MARGIN_PX = 80;

export class LiveLog {
  /** @type {Entry | null} */
  #entry = null;
  /** @type {Map<number, Entry>} by generation, for what comes after its end */
  #answers = new Map();
  /** The answer that a failed player broke off. @type {Entry | null} */
  #moved = null;
  /** Takes the buttons of the broken answer away. */
  #closeOffer = () => {};

  /** @param {Chat} chat @param {() => LiveSession | null} session */
  constructor(chat, session) {
    this.chat = chat;
    this.session = session;
  }

  /** The question that the user typed. @param {string} text */
  typed(text) {
    this.#begin(text, true);
  }

  /** What has been spoken by now. */
  spoken() {
    const entry = this.#entry;
    const words = this.session()?.heard() ?? [];
    if (!entry || entry.isOver || !words.length) return;
    const reply = words.join("");
    if (reply !== entry.reply) this.#show(entry, { reply });
  }

  /** @param {any} event */
  add(event) {
    if (event.type in this.#handlers) this.#handlers[event.type](event);
  }

  /** The conversation was left: nothing is under way any more. */
  close() {
    if (this.#entry && !this.#entry.isOver) this.#finish(this.#entry, {});
    this.#closeOffer();
  }

  /** No player is left: the question can be asked in the chat. */
  unplayable() {
    const entry = this.#entry;
    if (!entry || entry.isOver) return;
    this.#finish(entry, {});
    const ask = () => {
      entry.turn.setBroken(brokenText(entry));
      askText(this.chat, entry.question);
    };
    entry.turn.setBroken(brokenText(entry), ...(entry.question ? [againButton(ask)] : []));
  }

  /** @type {Record<string, (event: any) => void>} */
  #handlers = {
    welcome: ({ conversation_id, resumed }) => {
      if (!resumed) this.close();
      setConversation(this.chat, conversation_id);
    },
    partial: ({ text }) => this.#words(text, false),
    final: ({ text, joined }) => {
      if (!text) toast(t("live.unclear"));
      this.#words(text, joined);
      if (!text) this.#dropEmpty();
    },
    turn: (event) => {
      if (!this.#entry || this.#entry.id || this.#entry.isOver) this.#begin(event.question, true);
      const entry = /** @type {Entry} */ (this.#entry);
      if (!event.question) this.#moved?.turn.setBroken(t("turn.moved"));
      this.#moved = null;
      entry.id = event.turn;
      this.#answers.set(event.gen, entry);
      this.#show(entry, event.question ? { question: event.question } : {});
    },
    clause: ({ gen, text }) => {
      const entry = this.#answers.get(gen);
      if (entry) entry.whole += text;
    },
    fallback: (event) => this.#entry?.fallbacks.push({ ...event, wanted_voice: null, used_voice: null }),
    warning: ({ gen, reason, text, script }) => this.#answers.get(gen)?.warnings.push({ reason, text, script }),
    interrupted: ({ gen, heard, reason, ms }) => {
      const entry = this.#answers.get(gen) ?? this.#pending();
      if (!entry) return;
      if (reason === "player") return this.#move(entry, heard, ms);
      this.#finish(entry, { reply: heard, ms });
      if (!heard && reason !== "hand") return; // the user speaks on, and it becomes another question
      entry.turn.setBroken(brokenText(entry));
      if (entry === this.#entry && (reason === "hand" || reason === "speech")) this.#offerAgain(entry);
    },
    error: () => {
      const entry = this.#pending();
      if (entry) this.#finish(entry, {});
    },
    timings: ({ gen, ms }) => {
      const entry = this.#answers.get(gen);
      if (entry) this.#finish(entry, { reply: entry.whole, ms });
    },
  };

  /** @param {string} text @param {boolean} joined whether they belong to the question before */
  #words(text, joined) {
    if (!text) return;
    const before = this.#entry;
    if (before?.isOver && !before.reply && (joined || text.startsWith(before.question.replace(/[\p{P}\s]+$/u, "")))) {
      before.isOver = false; // the user speaks on: what was answered too early is one question with this
      before.id = before.whole = "";
    }
    if (!this.#entry || this.#entry.isOver || this.#entry.id) this.#begin(text, false);
    else this.#show(this.#entry, { question: text });
  }

  /** What was not heard comes again, as another answer if some of it was. @param {Entry} entry @param {string} heard
   * @param {Timings} ms */
  #move(entry, heard, ms) {
    if (heard) {
      this.#moved = entry;
      this.#finish(entry, { reply: heard, ms });
      return entry.turn.setBroken(brokenText(entry));
    }
    entry.id = entry.whole = "";
    this.#show(entry, { reply: "" });
  }

  /** The question whose answer has not begun. */
  #pending() {
    return this.#entry && !this.#entry.id && !this.#entry.isOver ? this.#entry : null;
  }

  #dropEmpty() {
    const entry = this.#pending();
    if (!entry) return;
    entry.turn.el.remove();
    this.chat.turns = this.chat.turns.filter((turn) => turn !== entry.turn);
    this.#entry = null;
  }

  /** @param {string} question @param {boolean} isTyped */
  #begin(question, isTyped) {
    this.#closeOffer();
    const turn = newTurn(this.chat, question);
    turn.el.setAttribute("aria-live", "off"); // it is heard already
    const told = { fallbacks: [], warnings: [] };
    this.#entry = { turn, question, reply: "", whole: "", id: "", isTyped, isOver: false, ...told };
    addTurn(this.chat, turn);
    this.#show(this.#entry, {});
  }

  /** @param {Entry} entry @param {{question?: string, reply?: string}} now */
  #show(entry, { question = entry.question, reply = entry.reply }) {
    const { scroller } = this.chat;
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < SCROLL_MARGIN_PX;
    entry.question = question;
    entry.reply = reply;
    entry.turn.setSpoken(question, reply, !entry.isOver);
    if (atEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  /** @param {Entry} entry @param {{reply?: string, ms?: Timings}} now */
  #finish(entry, { reply = entry.reply, ms }) {
    entry.isOver = true;
    this.#show(entry, { reply });
    if (!reply) return;
    const common = { id: 0, job_id: entry.id, created_at: new Date().toISOString(), video_url: null, clauses: null };
    const question = { ...common, role: /** @type {const} */ ("user"), text: entry.question, timings_ms: null };
    const answer = { ...common, role: /** @type {const} */ ("assistant"), text: reply, timings_ms: ms ?? {} };
    const audio = { audio_url: null };
    const { fallbacks, warnings } = entry;
    entry.turn.setMessages({ ...question, ...audio }, { ...answer, ...audio, fallbacks, warnings });
  }

  /** @param {Entry} entry */
  #offerAgain(entry) {
    this.#closeOffer();
    this.#closeOffer = () => entry.turn.setBroken(brokenText(entry));
    const ask = (/** @type {"continue" | "ask"} */ what) => () => {
      this.#closeOffer();
      if (what === "ask") this.#begin(entry.question, true);
      this.session()?.again(what);
    };
    const goOn = () => button({ icon: "play", label: t("live.continue"), kind: "small", onclick: ask("continue") });
    const offers = [entry.reply ? goOn() : null, entry.question ? againButton(ask("ask")) : null];
    entry.turn.setBroken(brokenText(entry), ...offers.filter((el) => el !== null));
    this.chat.scroller.scrollTop = this.chat.scroller.scrollHeight;
  }
}

/** @param {Entry} entry that was broken off */
const brokenText = ({ reply }) => t(reply ? "turn.interrupted" : "turn.unheard");
