// @ts-check
// Live conversation on the Chat page: its button, state, captions, keys, and what is told when something is missing.
import { announce } from "../components/announcements.js";
import { problemCard } from "../components/problem_card.js";
import { Problem } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { isBusy, showActivity } from "../chat/chat_state.js";
import { liveControls, liveNotice } from "./live_controls.js";
import { immersive } from "./live_immersive.js";
import { LiveLog } from "./live_log.js";
import { canTalkLive } from "./live_players.js";
import { LiveSession } from "./live_session.js";
import { choices } from "./live_settings.js";
import { liveSurface } from "./live_stage.js";

/** @typedef {import("../chat/chat_state.js").Chat} Chat */
/** @typedef {import("./live_session.js").LiveState} LiveState */
/** @typedef {import("./live_session.js").NoMicrophone} NoMicrophone */

/** Elements that use the space bar themselves. */
const USES_SPACE = "a, button, input, select, textarea, summary, video, [contenteditable]";

/** Puts the button that starts a live conversation on the stage. @param {Chat} chat */
export function offerLive(chat) {
  const place = h("div", { class: "live-place" });
  const start = () => {
    if (isBusy(chat) || chat.live) return;
    if (canTalkLive()) new LiveView(chat, place, start).start();
    else fill(place, startButton(start), liveNotice(t("live.unsupported"), t("live.unsupported.text"), null, reset));
  };
  const reset = () => fill(place, startButton(start));
  reset();
  chat.stage.el.append(place);
}

/** @param {() => void} onclick */
const startButton = (onclick) => button({ icon: "voice", label: t("live.start"), kind: "primary live-start", onclick });

class LiveView {
  #closing = new AbortController();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watching;
  #notices = h("div", { class: "live-notices" });

  /** @param {Chat} chat @param {HTMLElement} place @param {() => void} again starts another conversation */
  constructor(chat, place, again) {
    this.chat = chat;
    this.place = place;
    this.again = again;
    const { stage, speaker } = chat;
    const { model, engine, ...who } = speaker.params();
    const hello = choices.hello(who.avatar_id);
    this.session = new LiveSession({
      surface: liveSurface(stage, this.#closing.signal),
      idleFrame: stage.loop.visibleFrame,
      speaker: {
        ...who,
        ...hello,
        greet: hello.greet && !chat.conversation,
        model,
        engines: engine ? { render: engine } : undefined,
        conversation_id: chat.conversation ?? undefined,
      },
      device: choices.device(),
      onstate: (state, position) => this.#showState(state, position),
      onevent: (event) => this.#event(event),
      onlevel: (level) => this.controls.mute.style.setProperty("--level", level.toFixed(2)),
      onmicrophone: (reason) => this.#showMicrophone(reason),
      onplayerfailed: (reason, isLeft) => this.#playerFailed(reason, isLeft),
      onover: (error) => this.#failed(error),
    });
    this.log = new LiveLog(chat, () => this.session);
    const immersed = (/** @type {boolean} */ on) => this.controls.setImmersive(on);
    this.immersive = immersive(stage.el, immersed, this.#closing.signal);
    const actions = {
      leave: () => this.leave(),
      stop: () => this.session.stop(),
      oncaptions: () => this.#watch(),
      immerse: this.immersive.toggle,
    };
    this.controls = liveControls(this.session, actions, who.avatar_id);
  }

  start() {
    const { chat, session } = this;
    const { stage, composer, signal } = chat;
    stage.stop();
    chat.live = { ask: (text) => this.#ask(text), leave: () => this.leave() };
    composer.setLive(true);
    fill(this.place, this.controls.el, this.#notices);
    session.players.setVolume(choices.volume());
    session.setPush(choices.push());
    signal.addEventListener("abort", () => this.leave(), { signal: this.#closing.signal });
    this.#listenToKeys();
    this.#watching = setInterval(() => this.#watch(), 50);
    stage.el.setAttribute("tabindex", "-1");
    stage.el.focus({ preventScroll: true });
    session.start().catch((error) => this.#failed(error));
  }

  /** Back to the chat as it was. */
  leave() {
    if (!this.chat.live) return;
    this.session.close();
    this.#end(null);
  }

  /** @param {HTMLElement | null} notice why it ended */
  #end(notice) {
    const { chat } = this;
    this.#closing.abort();
    clearInterval(this.#watching);
    this.log.close();
    chat.live = null;
    chat.stage.setLive(null);
    chat.stage.setCaption("");
    chat.stage.loop.play();
    chat.composer.setStop(null);
    chat.composer.setLive(false);
    const start = startButton(this.again);
    fill(this.place, start, notice);
    showActivity(chat);
    if (!chat.signal.aborted) start.focus({ preventScroll: true });
  }

  /** @param {unknown} error `null` for a lost connection */
  #failed(error) {
    if (!this.chat.live) return;
    this.session.close();
    const card = problemCard(error ?? lostConnection(), { retry: this.again });
    this.#end(h("div", { class: "live-notice" }, card));
  }

  /** @param {import("./live_messages.js").PlayerFailure} reason @param {boolean} isLeft whether another one plays */
  #playerFailed(reason, isLeft) {
    const key = isLeft ? "live.player" : "live.unplayable";
    const text = t(`${key}.text`, { why: t(`live.player.${reason}`) });
    const notice = liveNotice(t(key), text, null, () => notice.remove());
    notice.dataset.keep = "player";
    if (isLeft) return this.#notices.append(notice);
    this.log.unplayable();
    this.#end(notice);
  }

  /** @param {string} text */
  #ask(text) {
    if (!this.session.ask(text)) return; // not connected: the text stays in the box
    this.log.typed(text);
    this.chat.composer.clear();
  }

  /** @param {any} event */
  #event(event) {
    this.log.add(event);
    if (event.type === "error" && !event.fatal) fill(this.#notices, this.#problem(event.problem));
  }

  /** @param {unknown} problem */
  #problem(problem) {
    const ask = () => {
      fill(this.#notices);
      this.session.again("ask");
    };
    return h("div", { class: "live-notice" }, problemCard(problem, { retry: ask }));
  }

  /** @param {LiveState} state @param {number} [position] */
  #showState(state, position = 1) {
    if (state === "over" || !this.chat.live) return;
    const { session, chat } = this;
    const key = state === "listening" && !session.microphone.isOpen ? "typing" : state;
    chat.stage.setLive({ state, text: t(`live.state.${key}`, { position }) });
    this.controls.setAnswering(session.isAnswering);
    chat.composer.setStop(session.isAnswering ? () => session.stop() : null);
    if (session.isAnswering) fill(this.#notices, ...this.#notices.querySelectorAll("[data-keep]"));
  }

  /** @param {NoMicrophone | null} reason */
  #showMicrophone(reason) {
    this.controls.setMicrophone(reason === null);
    if (reason === null) return fill(this.#notices);
    const again = () => void this.session.openMicrophone(choices.device());
    const close = () => fill(this.#notices);
    const text = `${t(`mic.${reason}.text`, { origin: location.origin })} ${t("live.instead")}`;
    const notice = liveNotice(t(`mic.${reason}.title`), text, { label: t("retry"), onclick: again }, close);
    notice.dataset.keep = reason;
    fill(this.#notices, notice);
  }

  /** Captions and the log follow the sound. */
  #watch() {
    const caption = this.session.caption();
    this.chat.stage.setCaption(choices.captions() ? caption : "");
    this.log.spoken();
  }

  #listenToKeys() {
    const { session, chat } = this;
    const options = { signal: this.#closing.signal };
    const isSpace = (/** @type {KeyboardEvent} */ e) =>
      e.code === "Space" && !(e.target instanceof Element && e.target.closest(USES_SPACE));
    const isTyping = (/** @type {KeyboardEvent} */ e) =>
      e.target instanceof Element && Boolean(e.target.closest("input, select, textarea"));
    const keydown = (/** @type {KeyboardEvent} */ e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
      if (e.code === "Escape") this.immersive.leave() || session.stop();
      else if (e.code === "KeyF" && !isTyping(e)) this.immersive.toggle();
      else if (isSpace(e)) {
        e.preventDefault();
        if (e.repeat) return;
        if (session.isPush) session.talk(true);
        else session.stop();
      }
    };
    const keyup = (/** @type {KeyboardEvent} */ e) => {
      if (session.isPush && isSpace(e)) session.talk(false);
    };
    document.addEventListener("keydown", keydown, options);
    document.addEventListener("keyup", keyup, options);
    addEventListener("pagehide", () => this.leave(), options); // else it would keep its place for a while
    document.addEventListener("visibilitychange", () => document.hidden || session.player.wake(), options);
    const isFace = (/** @type {Event} */ e) => e.target instanceof Element && !e.target.closest("button, .live-place");
    chat.stage.el.addEventListener("click", (e) => isFace(e) && session.stop(), options);
  }
}

/** What is told when a connection cannot be made or taken up again. */
function lostConnection() {
  announce(t("live.lost"));
  return new Problem({
    title: t("live.lost"),
    detail: t("live.lost.text"),
    hint: "",
    reason: "network",
    status: 0,
    retryable: true,
  });
}
