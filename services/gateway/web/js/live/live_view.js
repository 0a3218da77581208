// @ts-check
// Live conversation on the Chat page: its button, state, captions, keys, and what is told when something is missing.
import { announce, toast } from "../components/announcements.js";
import { problemCard } from "../components/problem_card.js";
import { Problem, reportSignedOut } from "../core/api.js";
import { button, fill, h } from "../core/dom.js";
import { t } from "../i18n/translate.js";
import { isBusy, showActivity } from "../chat/chat_state.js";
import { liveControls, liveNotice } from "./live_controls.js";
import { immersive } from "./live_immersive.js";
import { listenToKeys } from "./live_keys.js";
import { LiveLog } from "./live_log.js";
import { canTalkLive } from "./live_players.js";
import { LiveSession } from "./live_session.js";
import { choices, openSettings } from "./live_settings.js";
import { liveSurface } from "./live_stage.js";

/** @typedef {import("../chat/chat_state.js").Chat} Chat */
/** @typedef {import("./live_session.js").LiveState} LiveState */
/** @typedef {import("./live_session.js").NoMicrophone} NoMicrophone */

/**
 * Puts the button that starts a live conversation on the stage.
 * @param {Chat} chat @returns {() => void} does what the button does; call it while the user clicks
 */
export function offerLive(chat) {
  const place = h("div", { class: "live-place" });
  const start = () => {
    if (isBusy(chat) || chat.live) return;
    if (canTalkLive()) new LiveView(chat, place, start).start();
    else
      fill(
        chat.notices,
        liveNotice(t("live.unsupported"), t("live.unsupported.text"), null, () => fill(chat.notices)),
      );
  };
  fill(place, startButton(start));
  chat.stage.el.append(place);
  return start;
}

/** @param {() => void} onclick */
const startButton = (onclick) => button({ icon: "voice", label: t("live.start"), kind: "primary live-start", onclick });

class LiveView {
  #closing = new AbortController();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watching;
  #isReady = false;

  /** @param {Chat} chat @param {HTMLElement} place @param {() => void} again starts another conversation */
  constructor(chat, place, again) {
    this.chat = chat;
    this.place = place;
    this.again = again;
    const { stage, speaker } = chat;
    this.who = speaker.params();
    this.session = new LiveSession({
      surface: liveSurface(stage, this.#closing.signal),
      idleFrame: stage.loop.visibleFrame,
      ready: () => this.#conversationOpened(),
      speaker: () => this.#speaker(),
      device: choices.device(),
      onstate: (state, position) => this.#showState(state, position),
      onevent: (event) => this.#event(event),
      onlevel: (level) => this.controls.mute.style.setProperty("--level", level.toFixed(2)),
      onmicrophone: (reason) => this.#showMicrophone(reason),
      onplayerfailed: (reason, isLeft) => this.#playerFailed(reason, isLeft),
      onover: (error) => this.#failed(error),
    });
    this.log = new LiveLog(chat, () => this.session);
    const immersed = (/** @type {boolean} */ on) => {
      this.controls.setImmersive(on);
      if (on)
        stage.el.append(chat.notices); // the log, where they cover nothing, is not seen then
      else chat.scroller.before(chat.notices);
    };
    this.immersive = immersive(stage.el, immersed, this.#closing.signal);
    const actions = {
      leave: () => this.leave(),
      stop: () => this.session.stop(),
      oncaptions: () => this.#watch(),
      immerse: this.immersive.toggle,
    };
    const configure = () => void openSettings(this.session, this.controls.el, this.who.avatar_id, speaker);
    this.controls = liveControls(this.session, actions, configure);
  }

  /** Who answers, and in which conversation. @returns {Record<string, unknown>} */
  #speaker() {
    const { conversation } = this.chat;
    const { model, engine, ...who } = { ...this.who, ...this.#speech() };
    const hello = choices.hello(who.avatar_id);
    return {
      ...who,
      ...hello,
      greet: hello.greet && !conversation,
      model,
      engines: engine ? { render: engine } : undefined,
      conversation_id: conversation ?? undefined,
    };
  }

  /** The voice, and the persona of who is drawn; another avatar needs another connection. */
  #speech() {
    const { avatar_id, voice_id, persona } = this.chat.speaker.params();
    return { voice_id, persona: avatar_id === this.who.avatar_id ? persona : this.who.persona };
  }

  #speechChanged() {
    const { voice_id = "", persona = "" } = this.#speech();
    this.session.change({ voice_id, persona });
  }

  #avatarChanged() {
    const { avatar_id, model } = this.chat.speaker.params();
    const chosen = this.chat.speaker.avatar();
    if (!this.#isReady && chosen) return this.chat.stage.show(chosen);
    this.chat.notices.querySelector("[data-keep=avatar]")?.remove();
    if (avatar_id === this.who.avatar_id && model === this.who.model) return;
    const restart = () => {
      this.leave();
      this.again();
    };
    const action = { label: t("live.avatar.again"), onclick: restart };
    const notice = liveNotice(t("live.avatar"), t("live.avatar.text"), action, () => notice.remove());
    notice.dataset.keep = "avatar";
    this.chat.notices.append(notice);
  }

  /** The past turns are shown before new ones, and it is known who answers. */
  async #conversationOpened() {
    await Promise.all([this.chat.opening, this.chat.speaker.loaded()]);
    this.who = this.chat.speaker.params();
    this.#isReady = true;
    if (!isBusy(this.chat)) return;
    this.leave();
    toast(t("live.busy"));
  }

  start() {
    const { chat, session } = this;
    const { stage, composer, signal } = chat;
    stage.stop();
    chat.live = {
      ask: (text) => this.#ask(text),
      leave: () => this.leave(),
      onavatar: () => this.#avatarChanged(),
      onspeech: () => this.#speechChanged(),
    };
    composer.setLive(true);
    fill(this.place, this.controls.el);
    fill(chat.notices);
    session.players.setVolume(choices.volume());
    session.setPush(choices.push());
    signal.addEventListener("abort", () => this.leave(), { signal: this.#closing.signal });
    listenToKeys(session, chat.stage.el, this.immersive, this.#closing.signal);
    addEventListener("pagehide", () => this.leave(), { signal: this.#closing.signal }); // else it would keep its place
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
    const chosen = chat.speaker.avatar();
    if (chosen && chosen.id !== this.who.avatar_id) chat.stage.show(chosen);
    chat.stage.loop.play();
    chat.composer.setStop(null);
    chat.composer.setLive(false);
    const start = startButton(this.again);
    fill(this.place, start);
    fill(chat.notices, notice);
    showActivity(chat);
    if (!chat.signal.aborted) start.focus({ preventScroll: true });
  }

  /** @param {unknown} error `null` for a lost connection */
  #failed(error) {
    if (!this.chat.live) return;
    this.session.close();
    reportSignedOut(/** @type {any} */ (error)?.reason);
    const card = problemCard(error ?? lostConnection(), { retry: this.again });
    this.#end(h("div", { class: "live-notice" }, card));
  }

  /** @param {import("./live_messages.js").PlayerFailure} reason @param {boolean} isLeft whether another one plays */
  #playerFailed(reason, isLeft) {
    const key = isLeft ? "live.player" : "live.unplayable";
    const text = t(`${key}.text`, { why: t(`live.player.${reason}`) });
    const notice = liveNotice(t(key), text, null, () => notice.remove());
    notice.dataset.keep = "player";
    if (isLeft) return this.chat.notices.append(notice);
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
    if (event.type === "settings" && event.problem) {
      fill(this.chat.notices, h("div", { class: "live-notice" }, problemCard(event.problem)));
    }
    if (event.type === "error" && !event.fatal) fill(this.chat.notices, this.#problem(event.problem));
  }

  /** @param {unknown} problem */
  #problem(problem) {
    const ask = () => {
      fill(this.chat.notices);
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
    if (session.isAnswering) fill(this.chat.notices, ...this.chat.notices.querySelectorAll("[data-keep]"));
  }

  /** @param {NoMicrophone | null} reason */
  #showMicrophone(reason) {
    this.controls.setMicrophone(reason === null);
    if (reason === null) return fill(this.chat.notices);
    const again = () => void this.session.openMicrophone(choices.device());
    const close = () => fill(this.chat.notices);
    const text = `${t(`mic.${reason}.text`, { origin: location.origin })} ${t("live.instead")}`;
    const notice = liveNotice(t(`mic.${reason}.title`), text, { label: t("retry"), onclick: again }, close);
    notice.dataset.keep = reason;
    fill(this.chat.notices, notice);
  }

  /** Captions and the log follow the sound. */
  #watch() {
    const caption = this.session.caption();
    this.chat.stage.setCaption(choices.captions() ? caption : "");
    this.log.spoken();
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
