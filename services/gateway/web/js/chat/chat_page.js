// @ts-check
// The Chat page: the avatar on the left, the conversation on the right.

import { toast } from "../components/announcements.js";
import { problemCard } from "../components/problem_card.js";
import { button, h } from "../core/dom.js";
import { loadPreference, savePreference } from "../core/preferences.js";
import { t } from "../i18n/translate.js";
import { offerLive } from "../live/live_view.js";
import { avatarStage } from "./avatar_stage.js";
import { showActivity } from "./chat_state.js";
import { composer } from "./composer.js";
import { openConversation } from "./conversation.js";
import { openConversationList } from "./conversation_list.js";
import { askAudio, askText } from "./questions.js";
import { speakerPickers } from "./speaker_pickers.js";
import { openTranscript } from "./transcript.js";

/** @typedef {import("./chat_state.js").Chat} Chat */

/** @param {import("../core/router.js").Visit} visit @returns {HTMLElement} */
export function chatPage({ signal, query }) {
  const speaker = speakerPickers(
    (avatar, isOther) => {
      if (chat.live) chat.live.onavatar();
      else if (isOther) chat.stage.show(avatar);
    },
    () => chat.live?.onspeech(),
  );
  const log = h("ol", { class: "turns" });
  /** @type {Chat} */
  const chat = {
    signal,
    query,
    speaker,
    stage: avatarStage(signal, speaker.avatarChip, speaker.voiceChip),
    composer: composer({
      signal,
      ask: (text) => askText(chat, text),
      askAudio: (file) => void (chat.live ? toast(t("live.no_files")) : askAudio(chat, file)),
      onlisten: (on) => {
        chat.listening = on;
        showActivity(chat);
      },
    }),
    log,
    scroller: h("div", { class: "log", role: "log", "aria-label": t("chat.log"), tabindex: 0 }, log),
    notices: h("div", { class: "live-notices" }),
    turns: [],
    opening: Promise.resolve(),
    conversation: query.get("c") ?? (query.has("job") ? null : loadPreference("chat.conversation", null)),
    listening: false,
    live: null,
  };
  const talkLive = offerLive(chat);
  speaker.load(query).catch((error) => signal.aborted || chat.log.prepend(h("li", null, problemCard(error))));
  void openConversation(chat, chat.conversation);
  const talk = h("div", { class: "talk" }, chatHead(chat, talkLive), chat.notices, chat.scroller, chat.composer.el);
  return h("div", { class: "chat" }, chat.stage.el, talk);
}

/**
 * The title and the buttons for the transcript, earlier and new conversations.
 * @param {Chat} chat @param {() => void} talkLive
 */
function chatHead(chat, talkLive) {
  /** @type {import("./conversation_list.js").Open} */
  const open = (id, isLive) => {
    chat.live?.leave();
    void openConversation(chat, id);
    if (isLive) talkLive();
  };
  const openNew = () => {
    savePreference("chat.job", undefined);
    open(null);
    chat.composer.focus();
  };
  const showEarlier = () =>
    openConversationList(chat.conversation, (id, isLive) => open(id, isLive || (id !== null && chat.live !== null)));
  return h(
    "div",
    { class: "talk-head row" },
    h("h1", { class: "grow" }, t("nav.chat")),
    button({
      icon: "text",
      label: t("transcript"),
      bare: true,
      onclick: () => (chat.conversation ? void openTranscript(chat.conversation) : toast(t("transcript.none"))),
    }),
    button({ icon: "clock", label: t("chat.history"), bare: true, onclick: showEarlier }),
    button({ icon: "plus", label: t("chat.new"), bare: true, onclick: openNew }),
  );
}
